import { attached } from "../../cli/oci/attached.ts";
import { createOptions, createRequest } from "../../cli/oci/create-options.ts";
import { earlierSession } from "../../cli/oci/earlier-session.ts";
import type { OciVerb } from "../../cli/oci/verb.ts";
import { isSecondTry } from "../../cli/session/hand-over.ts";

/** `run --bundle DIR ID` */
export const run: OciVerb = {
  operands: "ID",
  options: {
    ...createOptions,
    detach: { kind: "flag", char: "d", summary: "do not wait for its end" },
    keep: { kind: "flag", summary: "do not delete it at its end" },
  },
  least: 1,
  run: async (context) => {
    const { args } = context;
    const earlier = await earlierSession(context);
    if (earlier !== undefined) return earlier;
    const { runOciContainer } = await import("../../engine/oci/run-oci-container.ts");
    return await attached((side, interruption) => {
      const oci = context.oci(interruption);
      return runOciContainer(oci, {
        ...createRequest(context, oci),
        ...side,
        detach: args.has("detach"),
        keep: args.has("keep"),
        isRetry: isSecondTry(context),
      });
    }, context);
  },
};
