import type { RestartPolicy } from "../../container/restart-policy.ts";
import { invalidValue } from "../usage-error.ts";

const right = "write no, on-failure, on-failure:TIMES, always or unless-stopped";
const mostRetries = 2_147_483_647;

/** `--restart no|on-failure[:TIMES]|always|unless-stopped`. */
export function parseRestart(text: string, option: string): RestartPolicy {
  switch (text) {
    // Podman's other word for it; Docker takes an empty one.
    case "no":
    case "never":
    case "":
      return { policy: "no" };
    case "always":
    case "unless-stopped":
    case "on-failure":
      return { policy: text };
  }
  const match = /^on-failure:(\d{1,10})$/.exec(text);
  const times = match === null ? undefined : Number(match[1]);
  if (times === undefined || times > mostRetries) {
    const why = /^(?:always|unless-stopped|no):/.test(text)
      ? "only on-failure has a number of times"
      : "no such policy";
    throw invalidValue(option, text, why, right);
  }
  // Docker: none is no limit.
  return times === 0 ? { policy: "on-failure" } : { policy: "on-failure", maxRetries: times };
}
