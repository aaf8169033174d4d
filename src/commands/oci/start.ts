import type { OciVerb } from "../../cli/oci/verb.ts";

/** `start ID` */
export const start: OciVerb = {
  operands: "ID",
  options: {},
  least: 1,
  run: async ({ oci, args }) => {
    const { startOciContainer } = await import("../../engine/oci/start-oci-container.ts");
    await startOciContainer(oci(), args.positionals[0] ?? "");
    return 0;
  },
};
