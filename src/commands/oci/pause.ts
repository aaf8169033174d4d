import type { OciVerb } from "../../cli/oci/verb.ts";

/** `pause ID` */
export const pause: OciVerb = {
  operands: "ID",
  options: {},
  least: 1,
  run: async ({ oci, args }) => {
    const { pauseOciContainer } = await import("../../engine/oci/pause-oci-container.ts");
    await pauseOciContainer(oci(), args.positionals[0] ?? "");
    return 0;
  },
};
