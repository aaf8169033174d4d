import os from "node:os";
import { TsmanError } from "../errors/index.ts";

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
  const known = (os.constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  if (known !== undefined) return known;
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
