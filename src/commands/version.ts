import process from "node:process";
import { defineCommand } from "../cli/command.ts";
import { text } from "../cli/option-spec.ts";
import { tsmanVersion } from "../engine/version.ts";

/** `tsman version`, `tsman --version` */
export const version = defineCommand({
  name: "version",
  usage: "[OPTIONS]",
  summary: "print the version",
  options: {
    format: text({ char: "f", metavar: "FORMAT", summary: "json or a template" }),
  },
  positionals: { min: 0, max: 0, noun: "part" },
  async run({ values }, context) {
    const number = tsmanVersion();
    if (values.format === undefined) {
      context.stdout.write(`tsman version ${number}\n`);
      return 0;
    }
    const { printDocument } = await import("../cli/render/listing.ts");
    const { goDocument } = await import("../cli/template/go-map.ts");
    const { hostPlatform } = await import("../oci/platform.ts");
    const part = {
      Version: number,
      NodeVersion: process.versions.node,
      Os: "linux",
      OsArch: `linux/${hostPlatform().architecture}`,
    };
    // There is no server: as with Podman, who asks for its version gets the program's.
    const document = goDocument({ Client: part }, { Server: part, Version: number });
    await printDocument(document, values.format, context.stdout);
    return 0;
  },
});
