import { TsmanError } from "../errors/index.ts";

/** From 1 on, signal(7): the same on every architecture that has a Node.js here. */
const standardSignals =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP " +
  "TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";

/** Second names. */
const aliases: ReadonlyMap<string, string> = new Map([
  ["IOT", "ABRT"],
  ["CLD", "CHLD"],
  ["POLL", "IO"],
]);

/** Real-time signals of the C library's users: 34 (RTMIN) to 64 (RTMAX), signal(7). */
const firstRealtime = 34;
const lastRealtime = 64;

/**
 * A signal as users write it: `TERM`, `SIGTERM`, `15`, `RTMIN+3`, in any case.
 *
 * @throws TsmanError USAGE
 */
export function parseSignal(text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, "");
  if (/^\d{1,2}$/.test(name)) {
    const number = Number(name);
    if (number >= 1 && number <= lastRealtime) return number;
  }
  const known = standardSignals.split(" ").indexOf(aliases.get(name) ?? name) + 1;
  if (known > 0) return known;
  const realtime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realtime !== null) {
    const base = realtime[1] === "MIN" ? firstRealtime : lastRealtime;
    const offset = Number(realtime[3] ?? 0) * (realtime[2] === "-" ? -1 : 1);
    const number = base + offset;
    if (number >= firstRealtime && number <= lastRealtime) return number;
  }
  throw new TsmanError("USAGE", `use signal ${JSON.stringify(text)}: no such signal`, {
    hint: "write a name such as TERM or SIGTERM, or a number from 1 to 64",
  });
}
