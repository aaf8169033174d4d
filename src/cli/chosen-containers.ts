import { constants, readFileSync } from "node:fs";
import type { ContainerSummary } from "../engine/types.ts";
import { toFileError } from "../platform/errno.ts";
import type { Engine } from "./engine.ts";
import { usageError } from "./usage-error.ts";

/** How a command line says which containers it means; what a verb lacks is missing. */
export interface ContainerChoice {
  /** `stop`, for messages. */
  readonly verb: string;
  readonly all?: boolean | undefined;
  readonly latest?: boolean | undefined;
  /** As of `tsman ps --filter`. */
  readonly filters?: readonly string[] | undefined;
  /** Files that `--cidfile` of `run` wrote. */
  readonly cidFiles?: readonly string[] | undefined;
  /** Which ones `--all` and `--filter` mean; missing: every one. */
  readonly among?: ((container: ContainerSummary) => boolean) | undefined;
}

/** For {@link ContainerChoice.among}: those that have processes, paused or not. */
export const isUp = ({ state }: Pick<ContainerSummary, "state">): boolean =>
  state === "running" || state === "paused";

/** For {@link ContainerChoice.among}: those that run, or will again in a moment. */
export const isMeantToRun = ({ state }: Pick<ContainerSummary, "state">): boolean =>
  isUp({ state }) || state === "restarting";

/**
 * The containers that a command's options and positionals mean: names as they were written, ids
 * for the rest.  Whether a name is one of a container is for the verb to find out, one by one.
 *
 * @throws TsmanError USAGE when nothing is named, or in two ways at once; storage errors for a
 * `--cidfile` that cannot be read.
 */
export async function chosenContainers(
  engine: Engine,
  positionals: readonly string[],
  choice: ContainerChoice,
): Promise<readonly string[]> {
  const { verb, all = false, latest = false, filters = [], cidFiles = [] } = choice;
  const isNamed = positionals.length > 0 || cidFiles.length > 0;
  const ways = [
    ...(all || filters.length > 0 ? [all ? "--all" : "--filter"] : []),
    ...(latest ? ["--latest"] : []),
    ...(isNamed ? [cidFiles.length > 0 ? "--cidfile" : "names"] : []),
  ];
  if (ways.length > 1) {
    throw usageError(
      `${verb} containers: ${ways.join(" and ")} exclude each other`,
      "say in one way which containers are meant",
    );
  }
  if (ways.length === 0) {
    const others = ["--all", ...(choice.latest === undefined ? [] : ["--latest"])].join(" or ");
    throw usageError(`${verb} containers: none is named`, `name one, or use ${others}`);
  }
  if (isNamed) return [...positionals, ...cidFiles.map(readIdFile)];
  const list = await engine.containers.list({ all: true });
  if (latest) return [latestOf(list, verb).id];
  const among = list.filter((container) => choice.among?.(container) ?? true);
  if (filters.length === 0) return among.map(({ id }) => id);
  const { containerFilter } = await import("./render/container-filter.ts");
  const accepts = containerFilter(filters);
  return among.filter((container) => accepts(container, list)).map(({ id }) => id);
}

/** The container that was made last: `--latest`. */
export function latestOf(list: readonly ContainerSummary[], verb: string): ContainerSummary {
  // The list's order decides between two of one moment: newest first.
  const [latest] = list.toSorted((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
  if (latest !== undefined) return latest;
  throw usageError(`${verb} containers: there is none`, "make one with: tsman run");
}

/** More than an id and a newline is no id. */
const maxIdFileBytes = 256;

function readIdFile(file: string): string {
  let text: string;
  try {
    // Never waits for the writer of a fifo.
    text = readFileSync(file, {
      encoding: "utf8",
      flag: constants.O_RDONLY | constants.O_NONBLOCK,
    });
  } catch (error) {
    const { message } = toFileError(error, `read --cidfile ${file}`);
    throw usageError(message, "name a file that --cidfile of tsman run wrote");
  }
  const id = text.trim();
  if (id !== "" && text.length <= maxIdFileBytes && !/\s/.test(id)) return id;
  throw usageError(`read --cidfile ${file}: it holds no id`, "name a file that --cidfile wrote");
}
