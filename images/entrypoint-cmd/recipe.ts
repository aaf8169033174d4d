import { defaultPath, onBusybox } from "../busybox.ts";
import { dir, file, type Recipe } from "../recipe.ts";

const entrypoint = `#!/bin/sh
echo "entrypoint: $*"
exec "$@"
`;

export default {
  about: "every field of an image's process configuration",
  images: [
    onBusybox(
      [
        {
          entries: [
            file("entrypoint", entrypoint, { mode: 0o755 }),
            dir("data", { mode: 0o750, uid: 1000, gid: 1000 }),
            file("data/from-image", "from image\n", { uid: 1000, gid: 1000 }),
          ],
        },
      ],
      {
        Entrypoint: ["/entrypoint"],
        Cmd: ["env"],
        Env: [defaultPath, "GREETING=hello world", "EMPTY=", "EQUALS=a=b=c"],
        WorkingDir: "/work/not/there",
        ExposedPorts: { "80/tcp": {}, "53/udp": {} },
        Volumes: { "/data": {}, "/cache": {} },
        Labels: { "org.example.purpose": "test", "org.example.text": 'with "quotes" and\nnewline' },
        StopSignal: "SIGUSR1",
      },
    ),
  ],
} satisfies Recipe;
