import type { IdRange } from "../worker-protocol.ts";

/** Owner and mode as they are written, and the true ones where these differ. */
export interface WrittenOwner {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  /** `uid:gid:mode` of the archive, mode in octal; undefined where nothing was changed. */
  readonly lost: string | undefined;
}

/**
 * Which owner a file gets in a user namespace that may lack the archive's ids (one-id mapping, or
 * ids beyond the range): a missing id becomes 0 and the truth goes into `user.tsman.owner`.
 *
 * With the owner go the powers that the mode gave in its name: setuid of a missing user, or setgid
 * of a missing group on a file, would otherwise become "runs as root of the container".
 */
export class OwnerPolicy {
  readonly #uids: readonly IdRange[];
  readonly #gids: readonly IdRange[];

  constructor(uids: readonly IdRange[], gids: readonly IdRange[]) {
    this.#uids = uids;
    this.#gids = gids;
  }

  /** The owner to write for the archive's `uid`, `gid` and `mode`. */
  written(uid: number, gid: number, mode: number, isDirectory: boolean): WrittenOwner {
    const hasUid = isMapped(this.#uids, uid);
    const hasGid = isMapped(this.#gids, gid);
    if (hasUid && hasGid) return { uid, gid, mode, lost: undefined };
    const withoutUid = hasUid || isDirectory ? mode : mode & ~setuidBit;
    return {
      uid: hasUid ? uid : 0,
      gid: hasGid ? gid : 0,
      mode: hasGid || isDirectory ? withoutUid : withoutUid & ~setgidBit,
      lost: `${uid}:${gid}:${mode.toString(8).padStart(4, "0")}`,
    };
  }
}

const setuidBit = 0o4000;
const setgidBit = 0o2000;

function isMapped(ranges: readonly IdRange[], id: number): boolean {
  for (const { first, count } of ranges) {
    if (id >= first && id < first + count) return true;
  }
  return false;
}
