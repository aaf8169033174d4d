import { lateInterruption } from "../../cli/oci/late-interruption.ts";
import type { OciVerb } from "../../cli/oci/verb.ts";

/** `delete [--force] ID` */
export const deleteVerb: OciVerb = {
  operands: "ID",
  options: {
    force: { kind: "flag", char: "f", summary: "end it first, if it is not stopped" },
  },
  least: 1,
  run: async ({ oci, args }) => {
    const { deleteOciContainer } = await import("../../engine/oci/end-oci-container.ts");
    using interruption = lateInterruption();
    await deleteOciContainer(oci(interruption), args.positionals[0] ?? "", args.has("force"));
    return 0;
  },
};
