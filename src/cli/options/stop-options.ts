import { flag, texts, value } from "../option-spec.ts";
import { integer } from "./scalars.ts";
import { parseSignalText } from "./words.ts";

/** `--cidfile` and `--latest` of a verb that takes several containers: see ContainerChoice. */
export const choosingOptions = {
  cidfile: texts({ metavar: "FILE", summary: "the container whose id is in FILE" }),
  latest: flag({ char: "l", summary: "the last one made" }),
};

/** `--time` of a verb that stops containers, in seconds; negative: without end. */
export const stopTime = (summary: string) =>
  value({
    char: "t",
    metavar: "SECONDS",
    summary,
    aliases: ["timeout"],
    parse: integer(-1, 2_147_483),
  });

/** How a verb goes about stopping containers: see StopRequest. */
export const stopOptions = {
  signal: value({
    char: "s",
    metavar: "SIGNAL",
    summary: "instead of its stop signal",
    parse: parseSignalText,
  }),
  time: stopTime("how long to wait before SIGKILL; -1: for ever"),
};
