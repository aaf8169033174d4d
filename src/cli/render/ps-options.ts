import { totalmem } from "node:os";
import type { ContainerProcess } from "../../engine/types.ts";
import { unsupported, usageError } from "../usage-error.ts";
import {
  argumentsOf,
  findColumn,
  type ProcessColumn,
  percentOf,
  unknownColumn,
} from "./process-columns.ts";

/*
 * The options of ps(1) that people write after `top CONTAINER`, for which Podman and Docker run that
 * program.  Here they say what is shown and how: every process of the container is listed anyway.
 */

/** What procps' ps(1) prints otherwise than AIX's; by its own name for it. */
const specifiers: Readonly<Record<string, ProcessColumn>> = {
  c: { heading: "C", cell: (one) => String(Math.min(99, Math.floor(percentOf(one)))) },
  cmd: { heading: "CMD", cell: (one) => argumentsOf(one) },
  etime: { heading: "ELAPSED", cell: ({ elapsed }) => clock(elapsed, 2) },
  etimes: { heading: "ELAPSED", cell: ({ elapsed }) => String(Math.floor(elapsed / 1000)) },
  lstart: { heading: "STARTED", cell: ({ startedAt }) => longStart(new Date(startedAt)) },
  nlwp: { heading: "NLWP", cell: ({ threads }) => String(threads) },
  pcpu: { heading: "%CPU", cell: (one) => percentOf(one).toFixed(1) },
  pmem: {
    heading: "%MEM",
    cell: ({ residentSize }) => ((residentSize / totalmem()) * 100).toFixed(1),
  },
  start: { heading: "START", cell: ({ startedAt }) => shortStart(new Date(startedAt)) },
  stat: { heading: "STAT", cell: (one) => stateOf(one) },
  stime: { heading: "STIME", cell: ({ startedAt }) => shortStart(new Date(startedAt)) },
  time: { heading: "TIME", cell: ({ cpuTime }) => clock(cpuTime, 3) },
  "bsd time": { heading: "TIME", cell: ({ cpuTime }) => minutes(cpuTime) },
};

const sameAs: Readonly<Record<string, string>> = {
  "%cpu": "pcpu",
  "%mem": "pmem",
  bsdtime: "bsd time",
  cputime: "time",
  start_time: "stime",
  thcount: "nlwp",
};

/** Heading and name, in ps(1)'s order. */
type Layout = readonly (readonly [heading: string, name: string])[];

const layouts = {
  plain: [
    ["PID", "pid"],
    ["TTY", "tty"],
    ["TIME", "time"],
    ["CMD", "comm"],
  ],
  full: [
    ["UID", "user"],
    ["PID", "pid"],
    ["PPID", "ppid"],
    ["C", "c"],
    ["STIME", "stime"],
    ["TTY", "tty"],
    ["TIME", "time"],
    ["CMD", "args"],
  ],
  bsd: [
    ["PID", "pid"],
    ["TTY", "tty"],
    ["STAT", "stat"],
    ["TIME", "bsd time"],
    ["COMMAND", "args"],
  ],
  user: [
    ["USER", "user"],
    ["PID", "pid"],
    ["%CPU", "pcpu"],
    ["%MEM", "pmem"],
    ["VSZ", "vsz"],
    ["RSS", "rss"],
    ["TTY", "tty"],
    ["STAT", "stat"],
    ["START", "start"],
    ["TIME", "bsd time"],
    ["COMMAND", "args"],
  ],
} as const satisfies Readonly<Record<string, Layout>>;

/** Letters that choose processes, of which all are shown, or the width, which has no bound. */
const idle = { unix: "aAdewx", bsd: "axw" } as const;

/** Whether these words are options of ps(1) rather than names of columns. */
export function isPsOptions([first = ""]: readonly string[]): boolean {
  return first.startsWith("-") || (/^[auxw]+o?$/.test(first) && findColumn(first) === undefined);
}

/**
 * The columns that options of ps(1) ask for.
 *
 * @throws TsmanError USAGE for a column that there is not, OPTION_UNSUPPORTED for an option that
 * asks for anything but columns.
 */
export function psColumns(words: readonly string[]): readonly ProcessColumn[] {
  let layout: keyof typeof layouts = words[0]?.startsWith("-") === true ? "plain" : "bsd";
  const chosen: ProcessColumn[] = [];
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    // `-aux`, as everybody writes it: procps takes it for `aux` too.
    const style = word.startsWith("-") && !/^-[auxw]*u[auxw]*$/.test(word) ? "unix" : "bsd";
    const letters = word.replace(/^-/, "");
    for (const [index, letter] of [...letters].entries()) {
      if (letter === "o") {
        const list = letters.slice(index + 1) || left.shift();
        if (list === undefined) {
          throw usageError(`list processes: ${word} needs columns`, "write them like -o pid,args");
        }
        chosen.push(
          ...list
            .split(/[\s,]+/)
            .filter(Boolean)
            .map(specified),
        );
        break;
      }
      if (letter === "f" && style === "unix") layout = "full";
      else if (letter === "u" && style === "bsd") layout = "user";
      else if (!idle[style].includes(letter)) throw unanswered(word);
    }
  }
  if (chosen.length > 0) return chosen;
  return layouts[layout].map(([heading, name]) => ({ ...columnOf(name), heading }));
}

/** `pid`, or `pid=HEADING`. */
function specified(text: string): ProcessColumn {
  const equals = text.indexOf("=");
  if (equals < 0) return columnOf(text);
  return { ...columnOf(text.slice(0, equals)), heading: text.slice(equals + 1) };
}

function columnOf(written: string): ProcessColumn {
  const lower = written.toLowerCase();
  const name = sameAs[lower] ?? lower;
  const own = Object.hasOwn(specifiers, name) ? specifiers[name] : undefined;
  const column = own ?? findColumn(written);
  if (column === undefined) throw unknownColumn(written);
  return column;
}

function unanswered(word: string) {
  return unsupported(
    `${word} of ps(1)`,
    "tsman top runs nothing in a container, and answers -e, -f, -o and aux only",
    "name columns: user pid args …, or run it yourself: tsman exec CONTAINER ps",
  );
}

const twoDigits = (value: number): string => String(value).padStart(2, "0");

/** `[[DAYS-]HOURS:]MINUTES:SECONDS`, with at least so many parts. */
function clock(milliseconds: number, parts: 2 | 3): string {
  const seconds = Math.floor(milliseconds / 1000);
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  const end = `${twoDigits(Math.floor(seconds / 60) % 60)}:${twoDigits(seconds % 60)}`;
  if (days === 0 && hours === 0 && parts === 2) return end;
  return `${days === 0 ? "" : `${days}-`}${twoDigits(hours)}:${end}`;
}

function minutes(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${twoDigits(seconds % 60)}`;
}

const month = (date: Date): string => date.toLocaleString("en", { month: "short" });

/** The hour of today, the day of this year, or the year. */
function shortStart(date: Date): string {
  const now = new Date();
  if (date.toDateString() === now.toDateString()) {
    return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
  }
  if (date.getFullYear() !== now.getFullYear()) return String(date.getFullYear());
  return `${month(date)}${twoDigits(date.getDate())}`;
}

/** As ctime(3) prints a moment. */
function longStart(date: Date): string {
  const [day = "", , number] = date.toDateString().split(" ");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
  return `${day} ${month(date)} ${String(Number(number)).padStart(2)} ${time} ${date.getFullYear()}`;
}

/** The state's letter and what ps(1) adds to it. */
function stateOf(one: ContainerProcess): string {
  const niceness = one.nice < 0 ? "<" : one.nice > 0 ? "N" : "";
  const leader = one.sessionLeader ? "s" : "";
  const threads = one.threads > 1 ? "l" : "";
  return `${one.state}${niceness}${leader}${threads}${one.foreground ? "+" : ""}`;
}
