import { setTimeout as delay } from "node:timers/promises";
import type { OciVerb } from "../../cli/oci/verb.ts";
import { usageError } from "../../cli/usage-error.ts";

/** `events [--stats] [--interval SECONDS] ID` */
export const events: OciVerb = {
  operands: "ID",
  options: {
    stats: { kind: "flag", summary: "once, and no more" },
    interval: { kind: "value", value: "SECONDS", summary: "how often (5)" },
  },
  least: 1,
  run: async ({ oci, args, stdout }) => {
    const seconds = Number((args.get("interval") ?? "5").replace(/s$/, ""));
    if (!(seconds >= 0.1 && seconds <= 86_400)) {
      throw usageError("use --interval: not a number of seconds", "write seconds, such as 5");
    }
    const [id = ""] = args.positionals;
    const { statsOfOciContainer } = await import("../../engine/oci/limit-oci-container.ts");
    const { getOciContainer } = await import("../../engine/oci/container-directory.ts");
    const context = oci();
    do {
      stdout.write(`${JSON.stringify(statsOfOciContainer(context, id))}\n`);
      if (args.has("stats")) break;
      await delay(seconds * 1000);
    } while (!stdout.isClosed && getOciContainer(context, id).status !== "stopped");
    return 0;
  },
};
