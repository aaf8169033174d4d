import { createOptions, createRequest } from "../../cli/oci/create-options.ts";
import type { OciVerb } from "../../cli/oci/verb.ts";

/** `create --bundle DIR ID` */
export const create: OciVerb = {
  operands: "ID",
  options: createOptions,
  least: 1,
  run: async (context) => {
    const { createOciContainer } = await import("../../engine/oci/create-oci-container.ts");
    await createOciContainer(context.oci(), createRequest(context));
    return 0;
  },
};
