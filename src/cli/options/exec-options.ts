import {
  flag,
  type OptionValues,
  text,
  texts,
  type UnsupportedSpec,
  value,
} from "../option-spec.ts";
import { parseDetachKeys } from "./detach-keys.ts";
import { preserveFds } from "./preserved-descriptors.ts";
import { parseWorkdir } from "./words.ts";

/** What `tsman exec` takes. */
export const execOptions = {
  cidfile: text({ metavar: "FILE", summary: "the container whose id is in this file" }),
  detach: flag({ char: "d", summary: "run in the background and print the session's id" }),
  "detach-keys": value({
    metavar: "KEYS",
    summary: "keys that leave a terminal (ctrl-p,ctrl-q)",
    parse: parseDetachKeys,
  }),
  env: texts({ char: "e", metavar: "NAME[=VALUE]", summary: "set a variable, or pass on yours" }),
  "env-file": texts({ metavar: "FILE", summary: "read variables from a file" }),
  interactive: flag({ char: "i", summary: "keep standard input open" }),
  latest: flag({ char: "l", summary: "the container that was created last" }),
  "preserve-fds": preserveFds,
  privileged: flag({ summary: "all capabilities that the container's user namespace has" }),
  tty: flag({ char: "t", summary: "give the program a terminal" }),
  user: text({ char: "u", metavar: "USER[:GROUP]", summary: "run as this user" }),
  workdir: value({ char: "w", metavar: "DIR", summary: "working directory", parse: parseWorkdir }),
} as const;

/** Options of `podman exec` that tsman refuses. */
export const refusedExecOptions: Readonly<Record<string, UnsupportedSpec>> = {
  "preserve-fd": {
    kind: "unsupported",
    takesValue: true,
    reason: "descriptors are preserved from 3 on",
    hint: "put them there (5<file 3<&5), and use --preserve-fds",
  },
};

/** The parsed values of {@link execOptions}. */
export type ExecValues = OptionValues<typeof execOptions>;
