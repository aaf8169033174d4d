import type { OciVerb } from "../../cli/oci/verb.ts";

/** `resume ID` */
export const resume: OciVerb = {
  operands: "ID",
  options: {},
  least: 1,
  run: async ({ oci, args }) => {
    const { resumeOciContainer } = await import("../../engine/oci/pause-oci-container.ts");
    await resumeOciContainer(oci(), args.positionals[0] ?? "");
    return 0;
  },
};
