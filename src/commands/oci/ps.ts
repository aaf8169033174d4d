import type { OciVerb } from "../../cli/oci/verb.ts";
import { usageError } from "../../cli/usage-error.ts";

/** `ps [--format table|json] ID [OPTIONS of ps(1)]` */
export const ps: OciVerb = {
  operands: "ID [OPTION of ps(1)...]",
  options: {
    format: { kind: "value", char: "f", value: "FORMAT", summary: "table or json" },
  },
  least: 1,
  most: Number.POSITIVE_INFINITY,
  run: async ({ oci, args, stdout }) => {
    const [id = "", ...options] = args.positionals;
    const format = args.get("format") ?? "table";
    if (format !== "table" && format !== "json") {
      throw usageError(`use --format ${format}: no such format`, "write table or json");
    }
    const { ociProcesses, processListing } = await import("../../engine/oci/oci-processes.ts");
    const pids = ociProcesses(oci(), id);
    stdout.write(
      format === "json" ? `${JSON.stringify(pids)}\n` : await processListing(pids, options),
    );
    return 0;
  },
};
