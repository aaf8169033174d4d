import path from "node:path";
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
  run: async ({ oci, args, cwd }) => {
    const { readResources, updateOciContainer } = await import(
      "../../engine/oci/limit-oci-container.ts"
    );
    const file = args.get("resources");
    const resources =
      file === undefined
        ? limitsGiven(args)
        : readResources(file === "-" ? file : path.resolve(cwd, file));
    updateOciContainer(oci(), args.positionals[0] ?? "", resources);
    return 0;
  },
};
