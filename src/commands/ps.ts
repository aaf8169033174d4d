import { isMeantToRun } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { flag, text, texts, value } from "../cli/option-spec.ts";
import { integer, oneOf } from "../cli/options/scalars.ts";
import { containerFilter, namesOther, wantsStopped } from "../cli/render/container-filter.ts";
import { type ContainerOrder, containerOrders, inOrder } from "../cli/render/container-order.ts";
import { containerRows } from "../cli/render/container-rows.ts";
import { printListing } from "../cli/render/listing.ts";
import { assertPsOptions, clearScreen, psListing, seconds } from "../cli/render/ps-listing.ts";

const orders = Object.keys(containerOrders) as ContainerOrder[];

/** `tsman ps`, `tsman container ls` */
export const ps = defineCommand({
  name: "ps",
  usage: "[OPTIONS]",
  summary: "list containers",
  examples: ["tsman ps -a", "tsman ps --filter status=exited --format '{{.ID}} {{.Names}}'"],
  options: {
    all: flag({ char: "a", summary: "also those that do not run" }),
    external: flag({ summary: "also other tools' containers (a store of tsman's has none)" }),
    filter: texts({
      char: "f",
      metavar: "KEY=VALUE",
      summary: "id, name, status, label, ancestor …",
    }),
    format: text({ metavar: "FORMAT", summary: "json, table … or a template" }),
    last: value({
      char: "n",
      metavar: "N",
      summary: "the last N made, running or not",
      parse: integer(-1, 1_000_000),
    }),
    latest: flag({ char: "l", summary: "the last one made, running or not" }),
    namespace: flag({ aliases: ["ns"], summary: "the inode numbers of their namespaces" }),
    "no-trunc": flag({ summary: "whole ids and commands" }),
    noheading: flag({ summary: "no headings" }),
    pod: flag({
      char: "p",
      summary: "with the id and name of their pod (of which there are none)",
    }),
    quiet: flag({ char: "q", summary: "ids only" }),
    size: flag({ char: "s", summary: "with the size of their files" }),
    sort: value({ metavar: "KEY", summary: orders.join(", "), parse: oneOf(...orders) }),
    sync: flag({ summary: "ask the kernel how they are (done in any case)" }),
    watch: value({
      char: "w",
      metavar: "N",
      summary: "again every N seconds",
      parse: integer(1, 1e6),
    }),
  },
  positionals: { min: 0, max: 0, noun: "container" },
  async run({ values }, context) {
    assertPsOptions(values);
    const accepts = containerFilter(values.filter);
    const last = values.latest ? 1 : (values.last ?? 0) > 0 ? values.last : undefined;
    const all = values.all || last !== undefined || wantsStopped(values.filter);
    const engine = await context.openEngine();
    const size = values.size || values.sort === "size" || /\.Size\b/.test(values.format ?? "");
    for (;;) {
      const seen = { all: all || namesOther(values.filter), size, namespaces: values.namespace };
      const list = await engine.containers.list(seen);
      const accepted = list.filter((one) => (all || isMeantToRun(one)) && accepts(one, list));
      const chosen = inOrder(accepted, { last, sort: values.sort });
      const rows = containerRows(chosen, { isFull: values["no-trunc"], now: context.now() });
      if (values.watch !== undefined) clearScreen(context.stdout);
      await printListing(rows, psListing(values), context.stdout);
      if (values.watch === undefined || context.stdout.isClosed === true) return 0;
      await seconds(values.watch);
    }
  },
});
