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
    await deleteOciContainer(oci(), args.positionals[0] ?? "", args.has("force"));
    return 0;
  },
};
