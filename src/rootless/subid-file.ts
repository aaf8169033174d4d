import { type IdRange, idLimit } from "./id-range.ts";

/** One line of /etc/subuid or /etc/subgid: subuid(5). */
export interface SubidEntry extends IdRange {
  /** A login name or a decimal uid (in /etc/subgid too). */
  readonly owner: string;
}

/**
 * Parses /etc/subuid or /etc/subgid: lines `owner:start:count`.  As shadow does, a line that cannot
 * be meant is passed over: one typing error of the administrator must not stop everybody.
 */
export function parseSubidFile(text: string): SubidEntry[] {
  return text.split("\n").flatMap((line) => {
    const [owner, startText, countText, ...rest] = line.trim().split(":");
    const start = decimal(startText);
    const count = decimal(countText);
    if (owner === undefined || owner === "" || owner.startsWith("#") || rest.length > 0) return [];
    if (start === undefined || count === undefined || count === 0) return [];
    return start + count > idLimit ? [] : [{ owner, start, count }];
  });
}

/** What `getsubids USER` prints: lines `index: owner start count`; getsubids(1). */
export function parseGetsubids(text: string): IdRange[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\d+: \S+ (\d{1,10}) (\d{1,10})$/.exec(line.trim());
    const start = decimal(match?.[1]);
    const count = decimal(match?.[2]);
    if (start === undefined || count === undefined || count === 0) return [];
    return start + count > idLimit ? [] : [{ start, count }];
  });
}

/** The ranges of one user, entered by login name or by numeric id, in the order of the file. */
export function rangesOfUser(
  entries: readonly SubidEntry[],
  user: { readonly name?: string | undefined; readonly uid: number },
): IdRange[] {
  return entries
    .filter((entry) => entry.owner === user.name || entry.owner === String(user.uid))
    .map(({ start, count }) => ({ start, count }));
}

/** The ranges of a /proc/PID/uid_map as its own ids ("inside"); user_namespaces(7). */
export function parseOfferedIds(text: string): IdRange[] {
  return text.split("\n").flatMap((line) => {
    const [start, , count] = line.trim().split(/\s+/).map(decimal);
    return start === undefined || count === undefined || count === 0 ? [] : [{ start, count }];
  });
}

/** Whether a uid_map is that of the initial user namespace: every id stands for itself. */
export function isInitialMap(text: string): boolean {
  return text.trim().split(/\s+/).join(" ") === `0 0 ${idLimit}`;
}

function decimal(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= idLimit ? value : undefined;
}
