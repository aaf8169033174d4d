import { value } from "../option-spec.ts";
import { usageError } from "../usage-error.ts";
import type { CallerEnvironment } from "./environment-variables.ts";
import { integer } from "./scalars.ts";

/** TSMAN_MAX_PRESERVED of native/protocol.h, less what a process may have open. */
const mostDescriptors = 512;

/** `--preserve-fds`, of `run` and `exec`. */
export const preserveFds = value({
  metavar: "N",
  summary: "give your descriptors 3 to N + 2 to the program",
  parse: integer(0, mostDescriptors),
});

/** Where bin/tsman says which descriptors it was given; by now this process has opened its own. */
const variable = "TSMAN_DESCRIPTORS";

/**
 * `--preserve-fds N`: the caller's descriptors 3 to N + 2.  One that the caller did not open could be
 * ours, such as the store's, which must never get into a container.
 *
 * @throws TsmanError USAGE, naming the first one that is not open.
 */
export function preservedDescriptors(count: number, environment: CallerEnvironment): number[] {
  const wanted = Array.from({ length: count }, (_, index) => 3 + index);
  const given = new Set((environment[variable] ?? "").split(" ").map(Number));
  const missing = wanted.find((descriptor) => !given.has(descriptor));
  if (missing === undefined) return wanted;
  throw usageError(
    `use --preserve-fds ${count}: descriptor ${missing} is not open`,
    environment[variable] === undefined
      ? "start tsman by way of bin/tsman"
      : `open it for tsman: tsman … --preserve-fds ${count} … ${missing}<FILE`,
  );
}
