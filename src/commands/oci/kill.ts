import { forChosen, regexOption } from "../../cli/oci/chosen-containers.ts";
import type { OciVerb } from "../../cli/oci/verb.ts";
import { parseSignal } from "../../container/signals.ts";

/** `kill [--all] [--regex] ID [SIGNAL]` */
export const kill: OciVerb = {
  operands: "ID [SIGNAL]",
  options: {
    ...regexOption,
    all: { kind: "flag", char: "a", summary: "to all processes, not only the first" },
  },
  least: 1,
  most: 2,
  run: async ({ oci, args }) => {
    const [id = "", signal = "TERM"] = args.positionals;
    const { killOciContainer } = await import("../../engine/oci/end-oci-container.ts");
    // kill(2): only whether there is somebody to get one.
    const number = signal === "0" ? 0 : parseSignal(signal);
    const context = oci();
    await forChosen(context, { id, isRegex: args.has("regex") }, (one) => {
      killOciContainer(context, one, number, args.has("all"));
    });
    return 0;
  },
};
