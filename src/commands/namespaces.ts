import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { printListing } from "../cli/render/listing.ts";
import type { NamespaceDetails } from "../engine/file-types.ts";

/** `tsman namespaces` */
export const namespaces = defineCommand({
  name: "namespaces",
  usage: "[OPTIONS] [CONTAINER…]",
  summary: "list the namespaces of running containers: owner, parent, ids, who shares them",
  examples: ["tsman namespaces", "tsman namespaces --format json web"],
  options: {
    format: text({ metavar: "json|TEMPLATE", summary: "as JSON, or by a Go template" }),
    noheading: flag({ char: "n", summary: "no line of headings" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const found = await engine.containers.namespaces(positionals);
    const style = {
      format: values.format,
      quietField: undefined,
      noHeading: values.noheading,
      columns,
    };
    await printListing(found.map(rowOf), style, context.stdout);
    return 0;
  },
});

const columns = [
  ["NS", "Inode"],
  ["TYPE", "Type"],
  ["OWNER", "Owner"],
  ["PARENT", "Parent"],
  ["CREATOR", "Creator"],
  ["NPROCS", "NProcs"],
  ["PID", "PID"],
  ["CONTAINERS", "Containers"],
  ["ID MAP", "IDMap"],
] as const;

function rowOf(one: NamespaceDetails) {
  const fields = {
    Inode: one.inode,
    Type: one.type,
    Owner: one.owner ?? "",
    Parent: one.parent ?? "",
    Creator: one.creator ?? "",
    IsHost: one.isHost,
    NProcs: one.processes.length,
    PID: one.processes[0]?.pid ?? "",
    Command: one.processes[0]?.command ?? "",
    Containers: `${one.containers.join(",")}${one.isHost ? " (host)" : ""}`,
    IDMap: one.uidMap?.join(", ") ?? "",
    Processes: one.processes,
  };
  return { fields, json: one };
}
