import { lateInterruption } from "../../cli/oci/late-interruption.ts";
import type { OciVerb } from "../../cli/oci/verb.ts";

/** `start ID` */
export const start: OciVerb = {
  operands: "ID",
  options: {},
  least: 1,
  run: async ({ oci, args }) => {
    const { startOciContainer } = await import("../../engine/oci/start-oci-container.ts");
    using interruption = lateInterruption();
    await startOciContainer(oci(interruption), args.positionals[0] ?? "");
    return 0;
  },
};
