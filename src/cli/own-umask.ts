import process from "node:process";

/**
 * Of a umask that takes our own files from ourselves, such as 0777, leaves what takes them from
 * others: with the rest the store and the directories of containers could not be used again, not even
 * to remove them.
 */
export function keepOwnFiles(): void {
  // Not umask() to ask: it sets 0 for a moment (Node's DEP0139).
  const mask = process.umask(0o077);
  process.umask(mask & 0o077);
}
