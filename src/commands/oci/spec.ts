import { writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import type { OciVerb } from "../../cli/oci/verb.ts";
import { toGivenFileError } from "../../platform/errno.ts";

/** `spec [--bundle DIR] [--file FILE] [--rootless]` */
export const spec: OciVerb = {
  operands: "",
  options: {
    bundle: { kind: "value", char: "b", value: "DIR", summary: "where to write config.json (.)" },
    file: { kind: "value", char: "f", value: "FILE", summary: "another name for it" },
    rootless: { kind: "flag", summary: "for an ordinary user, with a user namespace" },
  },
  least: 0,
  run: async ({ args, cwd }) => {
    const { exampleConfig } = await import("../../bundle/adopt/example-config.ts");
    const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const document = exampleConfig(args.has("rootless") ? ids : undefined);
    const file = path.resolve(cwd, args.get("bundle") ?? ".", args.get("file") ?? "config.json");
    try {
      writeFileSync(file, `${JSON.stringify(document, undefined, 2)}\n`, { flag: "wx" });
    } catch (error) {
      throw toGivenFileError(error, `write ${file}`, "write");
    }
    return 0;
  },
};
