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
    // kill(2): only whether there is somebody to get one.
    const number = signal === "0" ? 0 : parseSignal(signal);
    killOciContainer(oci(), id, number, args.has("all"));
    return 0;
  },
};
