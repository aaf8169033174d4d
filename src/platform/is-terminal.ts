import { fstatSync } from "node:fs";
import process from "node:process";

/** Major number of /dev/null and its like (admin-guide/devices.txt of the kernel). */
const memoryDevices = 1;

/**
 * Whether a descriptor is a terminal.  node:tty is loaded only if it may be one: it brings streams
 * and sockets along, milliseconds that a pipe, a file or /dev/null need not pay for.
 */
export function isTerminal(descriptor: number): boolean {
  try {
    const found = fstatSync(descriptor);
    if (!found.isCharacterDevice() || majorOf(found.rdev) === memoryDevices) return false;
  } catch {
    return false;
  }
  return process.getBuiltinModule("node:tty").isatty(descriptor);
}

/** As gnu_dev_major of <sys/sysmacros.h>, for the numbers below 4096 that Linux uses. */
function majorOf(device: number): number {
  return (device >>> 8) & 0xfff;
}
