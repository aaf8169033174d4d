import { forChosen, regexOption } from "../../cli/oci/chosen-containers.ts";
import { lateInterruption } from "../../cli/oci/late-interruption.ts";
import type { OciVerb } from "../../cli/oci/verb.ts";

/** `delete [--force] [--regex] ID` */
export const deleteVerb: OciVerb = {
  operands: "ID",
  options: {
    ...regexOption,
    force: { kind: "flag", char: "f", summary: "end it first, if it is not stopped" },
  },
  least: 1,
  run: async ({ oci, args }) => {
    const { deleteOciContainer } = await import("../../engine/oci/end-oci-container.ts");
    using interruption = lateInterruption();
    const context = oci(interruption);
    const chosen = { id: args.positionals[0] ?? "", isRegex: args.has("regex") };
    await forChosen(context, chosen, (id) => deleteOciContainer(context, id, args.has("force")));
    return 0;
  },
};
