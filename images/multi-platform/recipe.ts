import { onBusybox } from "../busybox.ts";
import { file, type Image, type Recipe } from "../recipe.ts";

/** All have the busybox of this host: what differs is the marker that tells which was chosen. */
function imageFor(architecture: string, variant?: string): Image {
  const name = ["linux", architecture, ...(variant === undefined ? [] : [variant])].join("/");
  return {
    ...onBusybox([{ entries: [file("platform", `${name}\n`)] }], { Cmd: ["cat", "/platform"] }),
    platform: { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) },
  };
}

export default {
  about: "one index, several platforms",
  images: [
    imageFor("arm", "v6"),
    imageFor("arm", "v7"),
    imageFor("arm64", "v8"),
    imageFor("amd64"),
    imageFor("riscv64"),
  ],
} satisfies Recipe;
