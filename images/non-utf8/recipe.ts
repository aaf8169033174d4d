import { onBusybox } from "../busybox.ts";
import { dir, file, hardlink, type Recipe, symlink } from "../recipe.ts";

/** Bytes, one per character. */
function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Every name below /names, as bytes. */
export const names: readonly Buffer[] = [
  latin1("gr\u00fc\u00dfe"),
  latin1("raw-header-\u00e9"),
  latin1("gnu-\u00e9-".padEnd(200, "x")),
  Buffer.from([0x80, 0xff, 0xfe, 0xc0, 0xaf]),
  Buffer.from("new\nline"),
  Buffer.from("back\\slash"),
  Buffer.from("-rf"),
  Buffer.from("sp ace\ttab"),
  Buffer.from("\u001b[31mred"),
  // One name in both normal forms of Unicode: two files.
  Buffer.from("\u00e9"),
  Buffer.from("e\u0301"),
  Buffer.from("Case"),
  Buffer.from("case"),
  Buffer.from("日本語"),
  latin1("\u00e9".padEnd(255, "y")),
  Buffer.from("z".repeat(255)),
];

const inNames = (name: Buffer) => Buffer.concat([Buffer.from("names/"), name]);

/** Every file holds its own name; `links/N` is a symbolic and `hard/N` a hard link to it. */
export default {
  about: "file names that are bytes rather than text",
  images: [
    onBusybox([
      {
        entries: [
          dir("names"),
          ...names.map((name, index) =>
            file(inNames(name), name, {
              nameStyle: index === 1 ? "header" : index === 2 ? "gnu" : "pax",
            }),
          ),
          dir("links"),
          ...names.map((name, index) =>
            symlink(`links/${index}`, Buffer.concat([Buffer.from("../"), inNames(name)])),
          ),
          dir("hard"),
          ...names.map((name, index) => hardlink(`hard/${index}`, inNames(name))),
        ],
      },
    ]),
  ],
} satisfies Recipe;
