import { onBusybox } from "../busybox.ts";
import {
  blockDevice,
  charDevice,
  dir,
  epoch,
  fifo,
  file,
  type Recipe,
  symlink,
} from "../recipe.ts";

/** linux/capability.h, struct vfs_cap_data revision 2: cap_net_bind_service, effective. */
export const netBindService = Buffer.from("0100000200040000000000000000000000000000", "hex");

/** A moment that no coarse clock keeps. */
export const exactTime = { seconds: epoch + 1, nanoseconds: 123_456_789 };

export default {
  about: "setuid, file capabilities, xattrs, fifos, devices, exact times, owners",
  images: [
    onBusybox([
      {
        entries: [
          dir("special", { mtime: exactTime }),
          file("special/setuid", "", { mode: 0o4755 }),
          file("special/setgid", "", { mode: 0o2755, gid: 1001 }),
          // chown clears these bits: an unpacker has to chmod after it.
          file("special/setuid-of-user", "", { mode: 0o6755, uid: 1000, gid: 1001 }),
          dir("special/sticky", { mode: 0o1777 }),
          dir("special/setgid-dir", { mode: 0o2775, gid: 1001 }),
          file("special/secret", "", { mode: 0o000 }),
          dir("special/read-only", { mode: 0o555 }),
          file("special/read-only/file", "inside\n", { mode: 0o444 }),
          file("special/capable", "", {
            mode: 0o755,
            xattrs: { "security.capability": netBindService },
          }),
          // chown drops security.capability: it has to be set after it.
          file("special/capable-of-user", "", {
            mode: 0o755,
            uid: 1000,
            gid: 1001,
            xattrs: { "security.capability": netBindService },
          }),
          file("special/xattr", "", {
            xattrs: { "user.colour": "blue", "user.binary": Buffer.from([0, 1, 0x0a, 0xff]) },
          }),
          dir("special/xattr-dir", { xattrs: { "user.colour": "green" } }),
          fifo("special/fifo", { mode: 0o620, uid: 1000, gid: 1001 }),
          charDevice("special/null", 1, 3),
          blockDevice("special/disk", 8, 0),
          file("special/exact-time", "", { mtime: exactTime }),
          file("special/before-1970", "", { mtime: { seconds: -86_400 } }),
          symlink("special/link", "exact-time", { mtime: exactTime, uid: 1000, gid: 1001 }),
          file("special/user", "", { uid: 1000, gid: 1001 }),
          file("special/nobody", "", { uid: 65534, gid: 65534 }),
        ],
      },
    ]),
  ],
} satisfies Recipe;
