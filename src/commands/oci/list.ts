import type { OciVerb } from "../../cli/oci/verb.ts";
import { renderTable } from "../../cli/render/table.ts";
import { usageError } from "../../cli/usage-error.ts";

/** `list [--format table|json] [--quiet]` */
export const list: OciVerb = {
  operands: "",
  options: {
    format: { kind: "value", char: "f", value: "FORMAT", summary: "table or json" },
    quiet: { kind: "flag", char: "q", summary: "ids only" },
  },
  least: 0,
  run: async ({ oci, args, stdout }) => {
    const format = args.get("format") ?? "table";
    if (format !== "table" && format !== "json") {
      throw usageError(`use --format ${format}: no such format`, "write table or json");
    }
    const { listOciContainers, stateOf } = await import("../../engine/oci/container-directory.ts");
    const states = listOciContainers(oci()).map(stateOf);
    if (args.has("quiet")) stdout.write(states.map(({ id }) => `${id}\n`).join(""));
    else if (format === "json") stdout.write(`${JSON.stringify(states)}\n`);
    else {
      const rows = states.map(({ id, pid, status, bundle, created, owner }) => [
        id,
        String(pid),
        status,
        bundle,
        created,
        owner,
      ]);
      const header = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];
      stdout.write(renderTable(header, rows, stdout.isTerminal));
    }
    return 0;
  },
};
