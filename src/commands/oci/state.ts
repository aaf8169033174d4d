import type { OciVerb } from "../../cli/oci/verb.ts";

/** `state ID` */
export const state: OciVerb = {
  operands: "ID",
  options: {},
  least: 1,
  run: async ({ oci, args, stdout }) => {
    const { getOciContainer, stateOf } = await import("../../engine/oci/container-directory.ts");
    const found = stateOf(getOciContainer(oci(), args.positionals[0] ?? ""));
    stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
    return 0;
  },
};
