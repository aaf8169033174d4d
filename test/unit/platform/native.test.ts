import { existsSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import {
  embeddedImagesDir,
  insideWorkerEntry,
  installationDir,
  nativeProgram,
  seccompCompiler,
  unpackWorkerEntry,
} from "../../../src/platform/native.ts";

it("the parts of an installation are found from where the code is", () => {
  const root = path.resolve(import.meta.dirname, "../../..");
  expect(installationDir()).toBe(root);
  expect(nativeProgram()).toBe(path.join(root, "dist/libexec/tsman-native"));
  expect(seccompCompiler()).toBe(path.join(root, "dist/libexec/tsman-seccomp"));
  expect(embeddedImagesDir()).toBe(path.join(root, "dist/images"));
});

it("code that runs from sources starts the workers that were built", () => {
  for (const entry of [unpackWorkerEntry(), insideWorkerEntry()]) {
    expect(path.dirname(entry)).toBe(path.join(installationDir(), "dist/cli"));
    expect(existsSync(entry)).toBe(true);
  }
});
