import { readFileSync } from "node:fs";
import { limitOptions, limitsGiven } from "../../cli/oci/limit-options.ts";
import type { OciVerb } from "../../cli/oci/verb.ts";

/** `update [--resources FILE|-] [LIMIT...] ID` */
export const update: OciVerb = {
  operands: "ID",
  options: {
    resources: {
      kind: "value",
      char: "r",
      value: "FILE",
      summary: "`linux.resources` of a config.json; -: standard input",
    },
    ...limitOptions,
  },
  least: 1,
  run: async ({ oci, args }) => {
    const { readResources, updateOciContainer } = await import(
      "../../engine/oci/limit-oci-container.ts"
    );
    const file = args.get("resources");
    const bytes =
      file === undefined
        ? Buffer.from(JSON.stringify(limitsGiven(args)))
        : readFileSync(file === "-" ? 0 : file);
    updateOciContainer(oci(), args.positionals[0] ?? "", readResources(bytes));
    return 0;
  },
};
