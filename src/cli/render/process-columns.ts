import type { ContainerProcess } from "../../engine/types.ts";
import type { TsmanError } from "../../errors/index.ts";
import { usageError } from "../usage-error.ts";
import { goDuration } from "./go-duration.ts";

/** A column of `tsman top`. */
export interface ProcessColumn {
  readonly heading: string;
  readonly cell: (process: ContainerProcess) => string;
}

const capabilities = (names: readonly string[]): string =>
  names.length === 0
    ? "none"
    : names
        .map((name) => name.replace(/^CAP_/, ""))
        .sort()
        .join(",");

/** Podman's descriptors, which are those of AIX's ps(1) and some of its own. */
const descriptors: Readonly<Record<string, ProcessColumn>> = {
  args: { heading: "COMMAND", cell: (one) => argumentsOf(one) },
  capamb: { heading: "AMBIENT CAPS", cell: (one) => capabilities(one.capabilities.ambient) },
  capbnd: { heading: "BOUNDING CAPS", cell: (one) => capabilities(one.capabilities.bounding) },
  capeff: { heading: "EFFECTIVE CAPS", cell: (one) => capabilities(one.capabilities.effective) },
  capinh: { heading: "INHERITED CAPS", cell: (one) => capabilities(one.capabilities.inheritable) },
  capprm: { heading: "PERMITTED CAPS", cell: (one) => capabilities(one.capabilities.permitted) },
  comm: { heading: "COMMAND", cell: (one) => one.command },
  etime: { heading: "ELAPSED", cell: (one) => goDuration(one.elapsed) },
  group: { heading: "GROUP", cell: (one) => one.group },
  groups: { heading: "GROUPS", cell: (one) => one.groups.join(",") },
  hgroup: { heading: "HGROUP", cell: (one) => one.hostGroup },
  hgroups: { heading: "HGROUPS", cell: (one) => one.hostGroups.join(",") },
  hpid: { heading: "HPID", cell: (one) => String(one.hostPid) },
  huser: { heading: "HUSER", cell: (one) => one.hostUser },
  label: { heading: "LABEL", cell: (one) => one.label ?? "?" },
  nice: { heading: "NI", cell: (one) => String(one.nice) },
  pcpu: { heading: "%CPU", cell: (one) => percentOf(one).toFixed(3) },
  pgid: { heading: "PGID", cell: (one) => String(one.processGroup) },
  pid: { heading: "PID", cell: (one) => String(one.pid) },
  ppid: { heading: "PPID", cell: (one) => String(one.parentPid) },
  rgroup: { heading: "RGROUP", cell: (one) => one.realGroup },
  rss: { heading: "RSS", cell: (one) => String(Math.round(one.residentSize / 1024)) },
  ruser: { heading: "RUSER", cell: (one) => one.realUser },
  seccomp: { heading: "SECCOMP", cell: (one) => one.seccomp },
  state: { heading: "STATE", cell: (one) => one.state },
  stime: { heading: "STIME", cell: (one) => startOf(one) },
  time: { heading: "TIME", cell: (one) => goDuration(Math.floor(one.cpuTime / 1000) * 1000) },
  tty: { heading: "TTY", cell: (one) => one.terminal ?? "?" },
  user: { heading: "USER", cell: (one) => one.user },
  vsz: { heading: "VSZ", cell: (one) => String(Math.round(one.virtualSize / 1024)) },
};

/** Their names, in their order. */
export const descriptorNames: readonly string[] = Object.keys(descriptors);

/** The codes of AIX's ps(1) for some of them. */
const codes: Readonly<Record<string, string>> = {
  "%C": "pcpu",
  "%G": "group",
  "%P": "ppid",
  "%U": "user",
  "%a": "args",
  "%c": "comm",
  "%g": "rgroup",
  "%n": "nice",
  "%p": "pid",
  "%r": "pgid",
  "%t": "etime",
  "%u": "ruser",
  "%x": "time",
  "%y": "tty",
  "%z": "vsz",
};

/** Names that procps' ps(1) has for the same. */
const synonyms: Readonly<Record<string, string>> = {
  "%cpu": "pcpu",
  cmd: "args",
  command: "args",
  cputime: "time",
  egroup: "group",
  euser: "user",
  ni: "nice",
  pgrp: "pgid",
  rsz: "rss",
  rssize: "rss",
  s: "state",
  start_time: "stime",
  stat: "state",
  tname: "tty",
  tt: "tty",
  ucmd: "comm",
  ucomm: "comm",
  uname: "user",
  vsize: "vsz",
};

const usual = ["user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"];

/**
 * The columns that words after the container's name ask for, separated by blanks or commas.
 *
 * @throws TsmanError USAGE for a descriptor that there is not.
 */
export function processColumns(words: readonly string[]): readonly ProcessColumn[] {
  const names = words.flatMap((word) => word.split(/[\s,]+/)).filter((name) => name !== "");
  return (names.length === 0 ? usual : names).map((written) => {
    const column = findColumn(written);
    if (column !== undefined) return column;
    throw unknownColumn(written);
  });
}

/** By a descriptor of Podman's, or its code, or procps' name for it. */
export function findColumn(written: string): ProcessColumn | undefined {
  const lower = written.toLowerCase();
  const name = codes[written] ?? synonyms[lower] ?? lower;
  return Object.hasOwn(descriptors, name) ? descriptors[name] : undefined;
}

/** The refusal of a column that there is not. */
export function unknownColumn(written: string): TsmanError {
  return usageError(
    `list processes: there is no column ${JSON.stringify(written)}`,
    `use some of: ${descriptorNames.join(" ")}`,
  );
}

/** A kernel thread or zombie has no arguments: ps(1) shows its name in brackets. */
export function argumentsOf({ arguments: list, command }: ContainerProcess): string {
  return list.length === 0 ? `[${command}]` : list.join(" ");
}

/** Of one processor, since its start. */
export function percentOf({ cpuTime, elapsed }: ContainerProcess): number {
  return elapsed > 0 ? (cpuTime / elapsed) * 100 : 0;
}

/** As Go prints a moment. */
function startOf({ startedAt }: ContainerProcess): string {
  return `${startedAt.slice(0, 10)} ${startedAt.slice(11, 19)} +0000 UTC`;
}
