import type { OciVerb } from "../../cli/oci/verb.ts";
import { parseSignal } from "../../container/signals.ts";

/** `kill [--all] ID [SIGNAL]` */
export const kill: OciVerb = {
  operands: "ID [SIGNAL]",
  options: {
    all: { kind: "flag", char: "a", summary: "to all processes, not only the first" },
  },
  least: 1,
  most: 2,
  run: async ({ oci, args }) => {
    const [id = "", signal = "TERM"] = args.positionals;
    const { killOciContainer } = await import("../../engine/oci/end-oci-container.ts");
    killOciContainer(oci(), id, parseSignal(signal), args.has("all"));
    return 0;
  },
};
