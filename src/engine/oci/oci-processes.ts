import { groupPids } from "../../cgroup/group.ts";
import { findProgram } from "../../config/find-program.ts";
import { isAlive } from "../../container/liveness.ts";
import { ownPids } from "../../container/process/container-pids.ts";
import { TsmanError } from "../../errors/index.ts";
import { runProgram } from "../../platform/process.ts";
import { findGroup } from "../containers/container-cgroup.ts";
import { getOciContainer, type OciContainer } from "./container-directory.ts";
import type { OciContext } from "./oci-types.ts";

/**
 * The processes of a container, by the caller's pids, its first one first.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING
 */
export function ociProcesses(context: OciContext, id: string): readonly number[] {
  const container = getOciContainer(context, id);
  const { init, status } = container;
  if (init === undefined) {
    throw new TsmanError(
      "CONTAINER_NOT_RUNNING",
      `list processes of container ${id}: it is ${status}`,
    );
  }
  return processesOf(container);
}

/**
 * A container's processes, its first one first.  In a pid namespace that others share these are those
 * of its control group, or, without one, {@link ownPids}: what else is there is not its own.
 */
export function processesOf({
  init,
  record,
  directory,
}: Pick<OciContainer, "init" | "record" | "directory">): readonly number[] {
  const { hasOwnPids, hasOwnMounts = true } = record;
  const group = hasOwnPids ? undefined : findGroup(directory);
  if (group === undefined) {
    return init === undefined ? [] : ownPids(init, { hasOwnPids, hasOwnMounts });
  }
  const pids = groupPids(group.path);
  return init !== undefined && isAlive(init) ? [...new Set([init.pid, ...pids])] : pids;
}

/**
 * What ps(1) says of processes.
 *
 * @param options of ps(1), which must print a column PID; default: -ef.
 * @throws TsmanError PREFLIGHT_HELPER, USAGE
 */
export async function processListing(
  pids: readonly number[],
  options: readonly string[],
): Promise<string> {
  const program = findProgram("ps", ["/usr/bin", "/bin"]) ?? "/usr/bin/ps";
  const result = await runProgram(program, options.length === 0 ? ["-ef"] : options, {
    maxOutput: 16 * 1024 * 1024,
  });
  const [header = "", ...lines] = result.stdout.toString("utf8").split("\n");
  const column = header.trim().split(/\s+/).indexOf("PID");
  if (result.status !== 0 || column < 0) {
    const said = result.stderr.toString("utf8").trim().split("\n")[0] ?? "";
    throw new TsmanError("USAGE", `list processes: ps ${options.join(" ")} prints no column PID`, {
      hint: said === "" ? "use options such as -ef or aux" : said,
    });
  }
  const wanted = new Set(pids.map(String));
  const kept = lines.filter((line) => wanted.has(line.trim().split(/\s+/)[column] ?? ""));
  return [header, ...kept].map((line) => `${line}\n`).join("");
}
