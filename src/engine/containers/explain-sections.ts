import type { Explanation } from "../../runtime/explain.ts";
import type { ExplainEntry, ExplainSection } from "../types.ts";

/** What {@link explainSections} lists besides the explanation of the plan. */
export interface ExplainedBesides {
  /** Of `explainAccounts`. */
  readonly accounts: readonly ExplainEntry[];
  /** Files on the host that options name. */
  readonly written: readonly ExplainEntry[];
  /** Of `explainLimits`. */
  readonly limits: readonly ExplainEntry[];
  /** Of `explainProcesses`. */
  readonly processes: readonly ExplainSection[];
}

/** An explanation as titled lists, in the order in which things are done. */
export function explainSections(
  explanation: Explanation,
  { accounts, written, limits, processes }: ExplainedBesides,
): ExplainSection[] {
  const { idMap, rootfs, network, process: program } = explanation;
  return [
    section("namespaces", explanation.namespaces, (one) =>
      one.path === undefined ? `new ${one.type}` : `${one.type} of ${one.path}`,
    ),
    section("uid map", idMap.uid, idRange),
    section("gid map", idMap.gid, idRange),
    section("root file system", [rootfs], (one) =>
      [
        `${one.driver}${one.readOnly ? ", read-only" : ""}`,
        ...one.lowers.map((lower) => `lower ${lower}`),
        ...(one.upper === undefined ? [] : [`upper ${one.upper}`]),
      ].join(", "),
    ),
    section("mounts", explanation.mounts, (one) =>
      `${one.type} ${one.source} on ${one.target} (${one.options.join(",")})`.replace(" ()", ""),
    ),
    section("devices", explanation.devices, (one) => `${one.hostPath} as ${one.path}`),
    {
      title: "files",
      entries: [
        ...explanation.files.map((one) => entry(one, `${one.path} from ${one.source}`)),
        ...accounts,
        ...written,
      ],
    },
    section("masked", explanation.maskedPaths, (one) => one.path),
    section("read-only", explanation.readonlyPaths, (one) => one.path),
    section("sysctls", explanation.sysctls, (one) => `${one.key} = ${one.value}`),
    section("capabilities", [explanation.capabilities], (one) => one.bounding.join(" ") || "none"),
    section("system call filter", [explanation.seccomp], ({ filter }) =>
      filter === undefined
        ? "none"
        : `${filter.rules} rules, ${filter.instructions} instructions, otherwise ${filter.defaultAction}`,
    ),
    section("network", [network], (one) =>
      [
        one.mode,
        ...(one.address === undefined ? [] : [`address ${one.address}`]),
        ...(one.gateway === undefined ? [] : [`gateway ${one.gateway}`]),
      ].join(", "),
    ),
    section(
      "ports",
      network.ports,
      (one) =>
        `${one.hostIp}:${one.hostPort === 0 ? "free" : one.hostPort} -> ${one.containerPort}/${one.protocol}`,
    ),
    {
      title: "process",
      entries: [
        entry(program.args, `run ${JSON.stringify(program.args.value)}`),
        entry(program.user, `as ${program.user.value || "root"}`),
        entry(program.cwd, `in ${program.cwd.value}`),
        entry(program.umask, `umask ${program.umask.value}`),
        entry(program.terminal, program.terminal.value ? "with a terminal" : "without a terminal"),
        ...(program.hostname === undefined
          ? []
          : [entry(program.hostname, `on host ${program.hostname.value}`)]),
        entry(
          program.noNewPrivileges,
          `${program.noNewPrivileges.value ? "no new" : "new"} privileges through setuid programs`,
        ),
      ],
    },
    ...processes,
    {
      title: "environment",
      entries: [
        ...program.env.map((one) => entry(one, `${one.name}=${one.value}`)),
        ...(program.env.some(({ name }) => name === "HOME")
          ? []
          : [
              {
                what: "HOME, the user's in /etc/passwd",
                because: "default",
                data: { name: "HOME" },
              },
            ]),
      ],
    },
    { title: "control group", entries: limits },
    section("resource limits", program.rlimits, (one) => `${one.name} ${one.soft}:${one.hard}`),
    section(
      "steps",
      explanation.steps,
      (one) => `${one.index} ${one.operation} ${one.arguments.join(" ")}`,
    ),
    {
      title: "warnings",
      entries: explanation.warnings.map((what) => ({
        what,
        because: "this host or these options",
      })),
    },
  ];
}

interface Reasoned {
  readonly because: string;
}

function section<Thing extends Reasoned>(
  title: string,
  things: readonly Thing[],
  text: (thing: Thing) => string,
): ExplainSection {
  return { title, entries: things.map((thing) => entry(thing, text(thing))) };
}

function entry(thing: Reasoned, what: string): ExplainEntry {
  const { because, ...data } = thing;
  return { what, because, data };
}

function idRange(line: { inside: number; outside: number; count: number }): string {
  const last = (first: number): string => (line.count === 1 ? "" : `-${first + line.count - 1}`);
  return `container ${line.inside}${last(line.inside)} = host ${line.outside}${last(line.outside)}`;
}
