import { type GlobalValues, globalOptions } from "./global-options.ts";
import { flag, text, type UnsupportedSpec, value } from "./option-spec.ts";
import { oneOf } from "./options/scalars.ts";
import type { Output } from "./output.ts";
import { parseOptions } from "./parse-options.ts";
import { usageError } from "./usage-error.ts";

/** What may stand before a command. */
export const leadingOptions = {
  ...globalOptions,
  "cgroup-manager": value({
    metavar: "MANAGER",
    summary: "who makes control groups, if it is this one: systemd, cgroupfs",
    parse: oneOf("systemd", "cgroupfs"),
  }),
  debug: flag({ char: "D", summary: "as --log-level debug" }),
  help: flag({ char: "h", summary: "print this help" }),
  noout: flag({ summary: "print nothing on standard output but what programs do" }),
  tmpdir: text({ metavar: "DIR", summary: "as --runtime-dir, where that is not given" }),
  version: flag({ char: "v", summary: "print the version" }),
} as const;

type Row = readonly [names: string, takesValue: boolean, reason: string, hint: string, ...string[]];

const here = "containers run on this host, and there is no service to connect to";
const elsewhere = "run tsman there, with ssh";
const leave = "leave it out";
const layers = "the first start finds out which root file system works here";

const rows: readonly Row[] = [
  ["connection context host identity ssh tlscacert tlscert tlskey url", true, here, elsewhere],
  ["remote tls tlsverify", false, here, elsewhere, "false"],
  ["conmon", true, "tsman brings its own monitor", leave],
  ["runtime runtime-flag", true, "tsman is its own runtime", leave],
  ["network-cmd-path", true, "slirp4netns is found by PATH", "put its directory into PATH"],
  ["network-config-dir cni-config-dir", true, "there are no user-defined networks yet", leave],
  ["hooks-dir", true, "no hooks of the host are run", "use tsman-oci for a bundle with hooks"],
  ["volumepath imagestore", true, "both are in the store", "choose the store with --root DIR"],
  ["namespace", true, "a store has one view", "use a store of its own with --root DIR"],
  ["storage-driver", true, layers, "leave it out; tsman info says which it is", "overlay"],
  ["storage-opt", true, layers, "leave it out; tsman info says which it is"],
  ["events-backend", true, "events are in a file of the store", "see tsman events", "file"],
  ["syslog", false, "messages go to standard error", "use 2>&1 | logger", "false"],
  ["transient-store", false, "the store outlives a reboot", "use --root DIR on a tmpfs", "false"],
  ["module config", true, "there is one configuration", "see tsman config path"],
  ["registries-conf", true, "a variable names that file", "set CONTAINERS_REGISTRIES_CONF"],
];

const chars: Readonly<Record<string, string>> = { connection: "c", host: "H", remote: "r" };

/** Options of Podman and Docker before a command that tsman refuses, each with its reason. */
const refusedLeading: Readonly<Record<string, UnsupportedSpec>> = Object.fromEntries(
  rows.flatMap(([names, takesValue, reason, hint, ...accepted]) =>
    names.split(" ").map((name): [string, UnsupportedSpec] => {
      const char = chars[name];
      const taken = accepted.length === 0 ? undefined : accepted;
      const spec = { kind: "unsupported", takesValue, reason, hint, accepted: taken } as const;
      return [name, char === undefined ? spec : { ...spec, char }];
    }),
  ),
);

/** What stands before a command, and the command. */
export interface LeadingArguments {
  readonly globals: GlobalValues;
  readonly argv: readonly string[];
  /** Missing: the usual one. */
  readonly stdout?: Output | undefined;
}

/**
 * Reads the options before a command.
 *
 * @throws TsmanError USAGE, OPTION_UNSUPPORTED
 */
export async function readLeadingOptions(argv: readonly string[]): Promise<LeadingArguments> {
  const rules = { stopAtPositional: true, command: "tsman" };
  const { values, positionals } = await parseOptions(argv, leadingOptions, rules, refusedLeading);
  const manager = values["cgroup-manager"];
  if (manager !== undefined) await assertManager(manager);
  const verb = values.version ? ["version"] : values.help ? ["help"] : [];
  return {
    globals: {
      "log-level": values.debug ? "debug" : values["log-level"],
      root: values.root,
      "runtime-dir": values["runtime-dir"] ?? values.tmpdir,
    },
    argv: [...verb, ...positionals],
    ...(values.noout && { stdout: silent }),
  };
}

const silent: Output = { isTerminal: false, isSilent: true, write: () => {} };

/** Where nobody makes control groups, each word is as true as with Podman, which goes on without. */
async function assertManager(asked: "systemd" | "cgroupfs"): Promise<void> {
  const { readCgroupFacts } = await import("../cgroup/facts.ts");
  const { manager } = readCgroupFacts();
  if (manager === asked || manager === "none") return;
  throw usageError(
    `use --cgroup-manager ${asked}: control groups are made by ${manager} here`,
    `leave it out, or give the container none: tsman run --cgroups disabled …`,
  );
}
