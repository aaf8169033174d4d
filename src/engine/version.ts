import { readFileSync } from "node:fs";
import path from "node:path";
import { readJson } from "../oci/json-document.ts";
import { members, text } from "../oci/shape.ts";
import { installationDir } from "../platform/native.ts";

const packageJson = members({ version: text }, {});

/** The version of this installation, from its package.json. */
export function tsmanVersion(): string {
  const file = path.join(installationDir(), "package.json");
  const rules = { what: file, code: "INTERNAL", maxBytes: 1 << 20 } as const;
  return packageJson(readJson(readFileSync(file), rules)).version;
}
