import { ErrnoError } from "./errno.ts";
import { processAddon } from "./process-addon.ts";

/**
 * connect(2) to a Unix socket.
 *
 * @returns a descriptor that blocks, for the functions of node:fs that do not; the caller closes it.
 * @throws ErrnoError; Error when the installation lacks the addon
 */
export function connectSocket(path: string): number {
  const descriptor = processAddon().connectSocket(path);
  if (descriptor < 0) throw new ErrnoError("connect", path, -descriptor);
  return descriptor;
}
