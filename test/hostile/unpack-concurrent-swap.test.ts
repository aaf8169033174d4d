import { renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { UnpackStage } from "../support/unpack-stage.ts";

// Security case S40: CVE-2025-47290 (containerd: a race while layers are unpacked), CVE-2018-15664.

/** Swaps a directory of the layer for a link to the victim and back, as fast as it goes. */
function swapOften(stage: UnpackStage, rounds: number): number {
  const directory = join(stage.layer().toString(), "d");
  let swaps = 0;
  for (let round = 0; round < rounds; round++) {
    try {
      renameSync(directory, `${directory}-aside`);
      symlinkSync(join(stage.directory, "victim"), directory);
      swaps += 1;
      rmSync(directory);
      renameSync(`${directory}-aside`, directory);
    } catch {
      // Not there yet, or the worker was quicker.
    }
  }
  return swaps;
}

it("a process that swaps directories for links during an unpack gets nothing out of it", async () => {
  await using stage = await UnpackStage.make();
  const builder = new TarBuilder().dir("./", { mode: 0o777 }).dir("d", { mode: 0o777 });
  const { length } = Array.from({ length: 4000 });
  for (let index = 0; index < length; index++) {
    // Names of the victim's own files among them, with attributes that would show.
    const name = index % 10 === 0 ? "file" : index % 10 === 1 ? "directory/inner" : `f${index}`;
    builder.file(`d/${name}`, "overwritten", { mode: 0o4700, mtime: { seconds: 5 } });
  }
  const before = stage.outside();
  let swaps = 0;
  const swapping = setInterval(() => {
    swaps += swapOften(stage, 50);
  }, 0);
  try {
    await stage.unpack(builder.build());
  } catch {
    // Whoever destroys a layer under the unpacker gets an error, which is fine.
  } finally {
    clearInterval(swapping);
  }
  expect(swaps).toBeGreaterThan(0);
  expect(stage.outside()).toEqual(before);
});
