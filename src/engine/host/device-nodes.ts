import { accessSync, constants, existsSync, statSync } from "node:fs";
import os from "node:os";

/** Why a device node cannot be used, or that it can. */
export type DeviceNodeState =
  | "usable"
  | "missing"
  | "no-permission"
  | "not-a-device"
  /** The running kernel's modules are gone from disk: an upgrade without a reboot. */
  | "modules-gone";

/** Looks at a character device such as /dev/net/tun as the caller sees it. */
export function deviceNodeState(node: string): DeviceNodeState {
  try {
    if (!statSync(node).isCharacterDevice()) return "not-a-device";
  } catch {
    const hasModules = existsSync(`/lib/modules/${os.release()}`) || !existsSync("/lib/modules");
    return hasModules ? "missing" : "modules-gone";
  }
  try {
    accessSync(node, constants.R_OK | constants.W_OK);
    return "usable";
  } catch {
    return "no-permission";
  }
}
