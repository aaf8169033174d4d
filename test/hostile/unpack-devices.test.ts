import { lstatSync } from "node:fs";
import { expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

// Security case S45.

it("device entries never become device nodes, and are counted", async () => {
  await using stage = await UnpackStage.make();
  const archive = new TarBuilder()
    .dir("dev")
    .char("dev/null", 1, 3, { mode: 0o666 })
    .char("dev/mem", 1, 1, { mode: 0o666 })
    .char("dev/whiteout", 0, 0)
    .block("dev/sda", 8, 0, { mode: 0o666 })
    .file("dev/file", "x")
    .build();
  const { skippedDevices } = await stage.unpack(archive);
  expect(skippedDevices).toBe(4);
  expect(stage.names()).toEqual(["dev", "dev/file"]);
});

it("fifos are made and never opened, so that nothing hangs", async () => {
  await using stage = await UnpackStage.make();
  const archive = new TarBuilder()
    .fifo("fifo", { mode: 0o4622, uid: 3, gid: 4, xattrs: { "user.x": "1" } })
    .hardlink("second", "fifo")
    .fifo("replaced")
    .file("replaced", "now a file")
    .file("again", "a file")
    .fifo("again", { mtime: { seconds: 1_700_000_000, nanoseconds: 123_456_789 } })
    .build();
  await stage.unpack(archive);
  const status = lstatSync(stage.layer("fifo"), { bigint: true });
  expect(status.isFIFO()).toBe(true);
  expect(status.mode & 0o7777n).toBe(0o4622n);
  expect(status.mtimeNs).toBe(1_000_000_000n);
  expect(lstatSync(stage.layer("second"), { bigint: true }).ino).toBe(status.ino);
  expect(stage.read("replaced")).toBe("now a file");
  expect(lstatSync(stage.layer("again"), { bigint: true }).mtimeNs).toBe(
    1_700_000_000_123_456_789n,
  );
});
