import { readFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod/mini";
import { installationDir } from "../platform/native.ts";

const packageJson = z.object({ version: z.string() });

/** The version of this installation, from its package.json. */
export function tsmanVersion(): string {
  const text = readFileSync(path.join(installationDir(), "package.json"), "utf8");
  return packageJson.parse(JSON.parse(text)).version;
}
