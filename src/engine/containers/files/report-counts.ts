import type { InsideCounts } from "../../../layer/inside-protocol.ts";

/** Says what a copy had to leave out. */
export function reportCounts(
  counts: InsideCounts,
  subject: string,
  onWarning: ((message: string) => void) | undefined,
): void {
  const say = (count: number, one: string, many: string): void => {
    if (count > 0) onWarning?.(`${subject}: ${count === 1 ? `1 ${one}` : `${count} ${many}`}`);
  };
  say(counts.devices, "device file was left out", "device files were left out");
  say(counts.sockets, "socket was left out", "sockets were left out");
  say(counts.changed, "file changed while it was read", "files changed while they were read");
  say(
    counts.droppedXattrs,
    "extended attribute could not be kept",
    "extended attributes could not be kept",
  );
  say(
    counts.lostOwners,
    "file belongs to an id that does not exist here",
    "files belong to ids that do not exist here",
  );
}
