import { existsSync } from "node:fs";
import { TsmanError } from "../errors/index.ts";
import { cgroupRoot, readWords } from "./hierarchy.ts";

/** systemd's drop-in that hands controllers to users, and how to make it. */
const dropIn =
  "as root make /etc/systemd/system/user@.service.d/delegate.conf with the lines [Service] and Delegate=cpu cpuset io memory pids, then: systemctl daemon-reload, and log in again";

/** How this user gets controllers here. */
export function delegateRemedy(): string {
  // sd_booted(3)
  return existsSync("/run/systemd/system")
    ? dropIn
    : "let whoever has made your control group write +cpu +memory +pids into its parent's cgroup.subtree_control";
}

/** What those can do who have that option: all but the callers of tsman-oci. */
const otherwise = "; or take what rlimits can do: --limits=best-effort";

/** A hint of these errors for who has no --limits. */
export function withoutBestEffort(hint: string | undefined): string | undefined {
  return hint?.replace(otherwise, "");
}

/** What a host lacks for limits, with the remedy. */
export function noGroups(why: string, remedy: string): TsmanError {
  return new TsmanError("PREFLIGHT_CGROUP", `make a control group: ${why}`, {
    hint: `${remedy}${otherwise}`,
  });
}

/** A controller that was not handed to this user. */
export function missingController(
  controller: string,
  file: string,
  available: readonly string[],
): TsmanError {
  const has = available.length === 0 ? "none" : available.join(" ");
  const isOff = !readWords(`${cgroupRoot}/cgroup.controllers`).includes(controller);
  const remedy =
    isOff && controller === "memory"
      ? "boot with cgroup_enable=memory on the kernel command line"
      : delegateRemedy();
  return new TsmanError(
    "PREFLIGHT_CGROUP",
    `set ${file}: the controller ${controller} is not delegated to you (delegated: ${has})`,
    { hint: `${remedy}${otherwise}`, details: { controller, available } },
  );
}
