import path from "node:path";
import type { SecurityOptions } from "../../container/options.ts";
import { invalidValue } from "../usage-error.ts";
import { truthOf } from "./scalars.ts";

const right =
  "use no-new-privileges, seccomp=unconfined|FILE, mask=PATH[:PATH…], unmask=ALL|PATH[:PATH…], proc-opts=hidepid=2, label=… or apparmor=…";

/** All `--security-opt` values together. */
export function parseSecurityOptions(
  texts: readonly string[],
  option: string,
  cwd: string,
): SecurityOptions {
  let noNewPrivileges = false;
  let seccomp = "default";
  let apparmor: string | undefined;
  const mask: string[] = [];
  const unmask: string[] = [];
  const labels: string[] = [];
  const procOptions: string[] = [];
  for (const text of texts) {
    // Docker's first releases separated by a colon, and scripts still do.
    const at = text.search(/[=:]/);
    const key = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? undefined : text.slice(at + 1);
    const needed = (): string => {
      if (value !== undefined && value !== "") return value;
      throw invalidValue(option, text, `${key} has no value`, right);
    };
    switch (key) {
      case "no-new-privileges":
        noNewPrivileges = value === undefined ? true : truthOf(value, option, key);
        break;
      case "seccomp":
        seccomp = needed();
        if (seccomp !== "default" && seccomp !== "unconfined") seccomp = path.resolve(cwd, seccomp);
        break;
      case "mask":
        mask.push(...paths(needed(), text, option));
        break;
      case "unmask":
        unmask.push(
          ...(needed().toUpperCase() === "ALL" ? ["ALL"] : paths(needed(), text, option)),
        );
        break;
      case "systempaths":
        if (needed() !== "unconfined")
          throw invalidValue(option, text, "not unconfined", "write systempaths=unconfined");
        unmask.push("ALL");
        break;
      case "label":
        labels.push(needed());
        break;
      case "apparmor":
        apparmor = needed();
        break;
      case "proc-opts":
        procOptions.push(...needed().split(","));
        break;
      default:
        throw invalidValue(option, text, `unknown option ${JSON.stringify(key)}`, right);
    }
  }
  return {
    noNewPrivileges,
    seccomp,
    mask,
    unmask,
    labels,
    ...(procOptions.length > 0 && { procOptions }),
    ...(apparmor !== undefined && { apparmor }),
  };
}

function paths(text: string, whole: string, option: string): string[] {
  const all = text.split(":");
  const relative = all.find((one) => !one.startsWith("/"));
  if (relative === undefined) return all;
  throw invalidValue(option, whole, `${JSON.stringify(relative)} is not an absolute path`, right);
}
