/** Owner and mode of a file. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

const pattern = /^(\d{1,10}):(\d{1,10}):([0-7]{4})$/;
const highestId = 0xffff_fffe;

/**
 * The owner that an image wanted for a file and that the id mapping lacked: `worker/owner-policy.ts`
 * has written it down in `user.tsman.owner`, from where a copy, an export or an image takes it.
 *
 * It is believed only where nobody but root of the container can have set it: else a user there
 * could make itself a setuid program of the next container.
 *
 * @param own as the file has it
 * @param lost value of the attribute
 */
export function originalOwner(own: Owner, lost: Buffer | undefined, isSingleId: boolean): Owner {
  const othersMayWrite = (own.mode & 0o022) !== 0;
  if (lost === undefined || own.uid !== 0 || (othersMayWrite && !isSingleId)) return own;
  const match = pattern.exec(lost.toString("latin1"));
  if (match === null) return own;
  const uid = Number(match[1]);
  const gid = Number(match[2]);
  if (uid > highestId || gid > highestId) return own;
  // The bits that were dropped with the owner come back, all others are as they are now.
  const special = Number.parseInt(match[3] ?? "0", 8) & 0o7000;
  return { uid, gid, mode: own.mode | special };
}
