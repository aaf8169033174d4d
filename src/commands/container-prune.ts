import { defineCommand } from "../cli/command.ts";
import { confirm } from "../cli/confirm.ts";
import { forEach } from "../cli/each.ts";
import { flag, texts } from "../cli/option-spec.ts";
import { invalidValue } from "../cli/usage-error.ts";
import type { ContainerSummary } from "../engine/types.ts";
import { isTsmanError } from "../errors/index.ts";

/** `tsman container prune` */
export const prune = defineCommand({
  name: "container prune",
  usage: "[OPTIONS]",
  summary: "remove all containers that do not run, and print their ids",
  examples: ["tsman container prune --force --filter until=24h --filter label!=keep"],
  options: {
    filter: texts({ metavar: "KEY=VALUE", summary: "only those that pass: until, label, label!" }),
    force: flag({ char: "f", summary: "do not ask" }),
  },
  positionals: { min: 0, max: 0, noun: "container" },
  async run({ values }, context) {
    const accepts = await pruneFilter(values.filter);
    if (!values.force && !confirm("This will remove all stopped containers.", context)) return 0;
    const engine = await context.openEngine();
    const list = await engine.containers.list({ all: true });
    const ids = list.filter((container) => accepts(container, list)).map(({ id }) => id);
    return await forEach(ids, context, async (id) => {
      try {
        await engine.containers.remove(id);
        context.stdout.write(`${id}\n`);
      } catch (error) {
        // Started, or removed, by another command since.
        const isNothing =
          isTsmanError(error, "CONTAINER_RUNNING") || isTsmanError(error, "CONTAINER_NOT_FOUND");
        if (!isNothing) throw error;
      }
    });
  },
});

async function pruneFilter(
  filters: readonly string[],
): Promise<(container: ContainerSummary, all: readonly ContainerSummary[]) => boolean> {
  const wrong = filters.find((text) => !/^(?:until|label)!?=/.test(text));
  if (wrong !== undefined) {
    throw invalidValue("--filter", wrong, "no such filter", "use until=TIME, label=… or label!=…");
  }
  const { containerFilter } = await import("../cli/render/container-filter.ts");
  const passes = containerFilter(filters);
  return (container, all) =>
    (container.state === "created" || container.state === "stopped") && passes(container, all);
}
