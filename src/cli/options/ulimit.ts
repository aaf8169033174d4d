import type { UlimitRequest } from "../../container/options.ts";
import { invalidValue, unsupported } from "../usage-error.ts";

/** The resources of getrlimit(2), in lower case. */
const resources = [
  "as",
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
];

const right = "write NAME=SOFT[:HARD], such as nofile=1024:2048; -1 is unlimited";

/** `--ulimit NAME=SOFT[:HARD]`; a missing hard limit equals the soft one, -1 is infinity. */
export function parseUlimit(text: string, option: string): UlimitRequest {
  if (text === "host") {
    throw unsupported(
      `${option} host`,
      "limits of the caller stay in force anyway",
      "leave it out, or name a limit",
    );
  }
  const match = /^([^=]+)=([^:]+)(?::(.+))?$/.exec(text);
  if (match === null) throw invalidValue(option, text, "not NAME=SOFT[:HARD]", right);
  const name = (match[1] as string).toLowerCase().replace(/^rlimit_/, "");
  if (!resources.includes(name)) {
    throw invalidValue(
      option,
      text,
      `unknown limit ${JSON.stringify(name)}`,
      `use one of: ${resources.join(", ")}`,
    );
  }
  const soft = limit(match[2] as string, text, option);
  const hard = match[3] === undefined ? soft : limit(match[3], text, option);
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw invalidValue(option, text, "the soft limit is above the hard one", right);
  }
  return { name, soft, hard };
}

function limit(text: string, whole: string, option: string): number {
  if (text === "-1" || text === "unlimited") return -1;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw invalidValue(option, whole, `${JSON.stringify(text)} is no limit`, right);
}
