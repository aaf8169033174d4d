import { closeSync, openSync } from "node:fs";
import { expect, test } from "vitest";
import { descriptorOutput } from "../../../src/cli/output.ts";
import { thrownError } from "./thrown-error.ts";

test("an output that is full is no defect, and no matter of the store", () => {
  const descriptor = openSync("/dev/full", "w");
  try {
    const output = descriptorOutput(descriptor);
    expect(thrownError(() => output.write("text"))).toMatchObject({
      code: "DISK_FULL",
      message: "write to standard output: no space left on device (ENOSPC)",
      hint: expect.not.stringContaining("--root"),
    });
  } finally {
    closeSync(descriptor);
  }
});
