import type { OciVerb } from "../../cli/oci/verb.ts";

/** `features` */
export const features: OciVerb = {
  operands: "",
  options: {},
  least: 0,
  run: async ({ stdout }) => {
    const { runtimeFeatures } = await import("../../oci/runtime-features.ts");
    stdout.write(`${JSON.stringify(runtimeFeatures(), undefined, 2)}\n`);
    return 0;
  },
};
