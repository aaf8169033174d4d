import { execFile } from "node:child_process";
import { chmod, mkdir, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Devices that a desktop's udev rules open to everybody, with their numbers (devices.txt). */
const devices = [
  { path: "/dev/net/tun", major: 10, minor: 200 },
  { path: "/dev/fuse", major: 10, minor: 229 },
];

/**
 * Opens /dev/net/tun and /dev/fuse to everybody, making them where they are missing, as they are on
 * a desktop and in a CI runner; disposing restores what was there.
 */
export async function openDevices(): Promise<AsyncDisposable> {
  const undo = new AsyncDisposableStack();
  for (const { path, major, minor } of devices) {
    const before = await stat(path).catch(() => undefined);
    if (before === undefined) {
      await mkdir(dirname(path), { recursive: true });
      await run("mknod", [path, "c", String(major), String(minor)]);
      undo.defer(() => rm(path, { force: true }));
    } else {
      undo.defer(() => chmod(path, before.mode & 0o7777));
    }
    await chmod(path, 0o666);
  }
  return undo;
}
