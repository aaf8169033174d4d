import { nativeProgram } from "../../platform/native.ts";
import { runProgram } from "../../platform/process.ts";
import { usernsArguments } from "../../platform/userns.ts";
import type { HostIds } from "../../rootless/host-ids.ts";
import type { IdMapping } from "../../rootless/id-mapping.ts";
import { explainUsernsFailure } from "../../rootless/userns-preflight.ts";
import { readSysctlFacts } from "../host/sysctls.ts";
import { broken, type DoctorCheck, limited, ok } from "./report.ts";

/** Makes a user namespace with the very maps that a container would get. */
export async function checkUserNamespaces(mapping: IdMapping): Promise<DoctorCheck> {
  const title = "user namespaces";
  const native = nativeProgram();
  const result = await runProgram(native, usernsArguments(mapping, [native, "version"], false));
  if (result.status === 0) {
    const limit = readSysctlFacts().maxUserNamespaces;
    return ok(
      "user-namespaces",
      title,
      `made and mapped one (user.max_user_namespaces = ${limit})`,
    );
  }
  const error = explainUsernsFailure(result.stderr.toString("utf8").trim());
  return broken(
    "user-namespaces",
    title,
    {
      found: error.message,
      consequence: "no container can start",
      remedy: error.hint ?? "see the message",
    },
    true,
  );
}

/** The ranges of /etc/subuid and /etc/subgid. */
export function checkSubordinateIds(mapping: IdMapping): DoctorCheck {
  const title = "subordinate ids";
  if (!mapping.single) {
    const ids = mapping.uid.reduce((sum, entry) => sum + entry.count, 0);
    return ok("subordinate-ids", title, `${ids} ids in a container: ${mapping.because}`);
  }
  return limited("subordinate-ids", title, {
    found: mapping.because,
    consequence: "a container has one id: programs that switch to another user fail",
    remedy: mapping.remedy ?? "see the message",
  });
}

/** newuidmap and newgidmap. */
export function checkMapTools(host: HostIds): DoctorCheck {
  const title = "newuidmap, newgidmap";
  if (host.tools.state === "usable") return ok("map-tools", title, host.tools.newuidmap);
  if (host.canSetIds) return ok("map-tools", title, "not needed: maps are written directly");
  return limited("map-tools", title, {
    found: host.tools.because,
    consequence: "a container has one id: programs that switch to another user fail",
    remedy: host.tools.remedy,
  });
}
