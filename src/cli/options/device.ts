import type { DeviceRequest } from "../../container/options.ts";
import { invalidValue, unsupported } from "../usage-error.ts";
import { containerPath } from "./container-path.ts";

const right =
  "write /dev/NAME[:CONTAINERPATH][:PERMISSIONS], such as /dev/fuse or /dev/kvm:/dev/kvm:rw";
const permissionPattern = /^(?!.*(.).*\1)[rwm]{1,3}$/;

/** `--device HOST[:CONTAINER][:rwm]`. */
export function parseDevice(text: string, option: string): DeviceRequest {
  const parts = text.split(":");
  const [hostPath = "", second, third] = parts;
  if (parts.length > 3) throw invalidValue(option, text, "more than three parts", right);
  if (/^[\w.-]+\/[\w.-]+=/.test(hostPath)) {
    throw unsupported(`${option} ${hostPath}`, "no Container Device Interface yet", right);
  }
  if (!hostPath.startsWith("/"))
    throw invalidValue(option, text, "the device is not an absolute path", right);
  if (second === undefined) return { hostPath, containerPath: hostPath, permissions: "rwm" };
  if (third === undefined && permissionPattern.test(second)) {
    return { hostPath, containerPath: hostPath, permissions: second };
  }
  if (third !== undefined && !permissionPattern.test(third)) {
    throw invalidValue(option, text, `${JSON.stringify(third)} are no permissions`, right);
  }
  return {
    hostPath,
    containerPath: containerPath(second, option, text),
    permissions: third ?? "rwm",
  };
}
