import { onBusybox } from "../busybox.ts";
import { dir, file, type Recipe } from "../recipe.ts";

export default {
  about: "USER by name, with supplementary groups",
  images: [
    onBusybox(
      [
        {
          entries: [
            dir("etc"),
            file(
              "etc/passwd",
              "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\n",
            ),
            file(
              "etc/group",
              "root:x:0:\naudio:x:29:app\nvideo:x:44:root,app\nstaff:x:50:root\napp:x:1001:\n",
            ),
            dir("home"),
            dir("home/app", { mode: 0o700, uid: 1000, gid: 1001 }),
            file("home/app/mine", "app\n", { mode: 0o600, uid: 1000, gid: 1001 }),
          ],
        },
      ],
      { User: "app", WorkingDir: "/home/app", Cmd: ["id"] },
    ),
  ],
} satisfies Recipe;
