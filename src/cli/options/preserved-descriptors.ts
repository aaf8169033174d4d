import { givenDescriptors } from "../given-descriptors.ts";
import { value } from "../option-spec.ts";
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

/** `--preserve-fds N`: the caller's descriptors 3 to N + 2. */
export function preservedDescriptors(count: number, environment: CallerEnvironment): number[] {
  return givenDescriptors(count, `--preserve-fds ${count}`, environment);
}
