import { libc } from "./binding.ts";

/** <asm-generic/ioctls.h> */
const getWindowSize = 0x5413;

/**
 * ioctl_tty(2): the size of the terminal behind a descriptor, for one that cannot be opened anew.
 *
 * @returns undefined for what is no terminal.
 */
export function windowSize(
  fd: number,
): { readonly columns: number; readonly rows: number } | undefined {
  // struct winsize: rows, columns, and two that nobody uses, 16 bits each.
  const words = new Uint32Array(2);
  if (libc().ioctl(fd, getWindowSize, words) !== 0) return undefined;
  const [rows = 0, columns = 0] = new Uint16Array(words.buffer);
  return { columns, rows };
}
