import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

// Security case S101: names are bytes.

/** Every byte that a name may have, in names of at most 255. */
const everyByte = Buffer.from(
  Array.from({ length: 255 }, (_, index) => index + 1).filter((byte) => byte !== 0x2f),
);
const names: readonly Buffer[] = [
  Buffer.from("caf\xe9", "latin1"),
  Buffer.from("\xff\xfe", "latin1"),
  Buffer.from("\u00e9", "utf8"),
  Buffer.from("e\u0301", "utf8"),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from("line\nbreak\ttab\x7f"),
  Buffer.from(" =  size=5"),
  Buffer.from("x".repeat(255)),
  Buffer.alloc(255, 0xe9),
  everyByte,
];

it.each(["pax", "gnu"] as const)("names and link targets keep every byte (%s)", async (style) => {
  await using stage = await UnpackStage.make();
  const builder = new TarBuilder();
  const options = { nameStyle: style };
  const at = (directory: string, name: Uint8Array) =>
    Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name)]);
  for (const name of names) {
    builder
      .file(at("file", name), name, options)
      .hardlink(at("hard", name), at("file", name), options)
      .symlink(at("link", name), at("..", name), options)
      .dir(at("dir", name), options)
      .fifo(at("fifo", name), options)
      .file(at(`dir/${name.length}`, name), name, options);
  }
  await stage.unpack(builder.build());
  const found = new Set(stage.names());
  for (const name of names) {
    for (const directory of ["file", "hard", "link", "dir", "fifo"]) {
      expect(found).toContain(at(directory, name).toString("latin1"));
    }
    expect(readFileSync(stage.layer(at("file", name)))).toEqual(name);
    expect(readlinkSync(stage.layer(at("link", name)), { encoding: "buffer" })).toEqual(
      at("..", name),
    );
    expect(lstatSync(stage.layer(at("hard", name))).nlink).toBe(2);
  }
});

it("a refusal shows a name's bytes without sending them to the terminal", async () => {
  await using stage = await UnpackStage.make();
  const name = Buffer.from("../\x1b[31m\xe9\n", "latin1");
  const { message } = await stage.refusal(new TarBuilder().file(name, "x").build());
  expect(message).toContain("entry ../\\x1b[31m\\xe9\\x0a: name ../\\x1b[31m\\xe9\\x0a escapes");
});

it.each([
  ["a component of 256 bytes", "x".repeat(256), "more than 255 bytes"],
  ["a path of 4096 bytes", `${"x/".repeat(2047)}xx`, "longer than 4095 bytes"],
  ["a NUL byte", "a\0b", "NUL"],
])("%s is refused by name", async (_, name, why) => {
  await using stage = await UnpackStage.make();
  const archive = new TarBuilder()
    .pax([["path", name]])
    .header({ name: "f" })
    .build();
  expect((await stage.refusal(archive)).message).toContain(why);
});
