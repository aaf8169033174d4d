import { createOptions, createRequest } from "../../cli/oci/create-options.ts";
import { lateInterruption } from "../../cli/oci/late-interruption.ts";
import type { OciVerb } from "../../cli/oci/verb.ts";

/** `create --bundle DIR ID` */
export const create: OciVerb = {
  operands: "ID",
  options: createOptions,
  least: 1,
  run: async (context) => {
    const { createOciContainer } = await import("../../engine/oci/create-oci-container.ts");
    using interruption = lateInterruption();
    const oci = context.oci(interruption);
    await createOciContainer(oci, createRequest(context, oci));
    return 0;
  },
};
