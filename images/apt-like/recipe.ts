import { onBusybox } from "../busybox.ts";
import { dir, file, type Recipe } from "../recipe.ts";

const passwd = `root:x:0:0:root:/root:/bin/sh
mail:x:8:8:mail:/var/mail:/bin/false
_apt:x:100:65534::/nonexistent:/bin/false
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
`;

const group = `root:x:0:
mail:x:8:
shadow:x:42:
utmp:x:43:
nogroup:x:65534:
`;

/** With a one-id mapping these owners cannot be had: the image must unpack and start all the same. */
export default {
  about: "files of many owners, as in a distribution's base image",
  images: [
    onBusybox([
      {
        entries: [
          dir("etc"),
          file("etc/passwd", passwd),
          file("etc/group", group),
          file("etc/shadow", "root:*:19000:0:99999:7:::\n", { mode: 0o640, gid: 42 }),
          dir("usr"),
          dir("usr/bin"),
          file("usr/bin/chage", "#!/bin/sh\n", { mode: 0o2755, gid: 42 }),
          dir("var"),
          dir("var/cache"),
          dir("var/cache/apt"),
          dir("var/cache/apt/partial", { mode: 0o700, uid: 100 }),
          dir("var/lib"),
          dir("var/lib/apt"),
          dir("var/lib/apt/lists"),
          dir("var/lib/apt/lists/partial", { mode: 0o700, uid: 100 }),
          dir("var/log"),
          file("var/log/lastlog", "", { mode: 0o664, gid: 43 }),
          dir("var/mail", { mode: 0o2775, gid: 8 }),
          dir("srv", { uid: 65534, gid: 65534 }),
        ],
      },
    ]),
  ],
} satisfies Recipe;
