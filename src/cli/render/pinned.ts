import type { PinnedImage } from "../../engine/types.ts";

/** What was written into a lock file, a line for every platform. */
export function pinnedText({ name, platforms, isChanged }: PinnedImage): string {
  const lines = Object.entries(platforms).map(([platform, digest]) => `  ${platform} ${digest}\n`);
  return `${isChanged ? "Changed" : "Locked"} ${name}:\n${lines.join("")}`;
}
