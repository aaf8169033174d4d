import path from "node:path";
import { resolveUser } from "../../bundle/command.ts";
import type { CheckPolicy, HealthPolicy } from "../../container/health-policy.ts";
import { healthFileName } from "../../container/health-state.ts";
import { encodeRecords } from "../../runtime/encode.ts";
import { compileExecPlan, type ExecPlanRequest } from "../../runtime/exec-plan.ts";
import type { HealthLaunch } from "../../runtime/launch-context.ts";
import { setting } from "../../runtime/protocol.ts";
import type { EngineContext } from "../context.ts";
import { capabilities } from "./exec-plan.ts";
import type { ContainerPlan } from "./plan-container.ts";

/**
 * What a container's monitor needs to check its health by itself: the plans of exec sessions that
 * lack only the process whose namespaces they join.
 *
 * @throws TsmanError USAGE when a plan exceeds what the monitor accepts.
 */
export function healthLaunch(
  context: EngineContext,
  planned: ContainerPlan,
  policy: HealthPolicy,
  seccompFilter: Uint8Array | undefined,
  cgroup: string | undefined,
): HealthLaunch {
  const bundleDir = context.store.containers.dir(planned.id);
  const plan = (check: CheckPolicy): Uint8Array =>
    checkPlan(planned, check, { bundleDir, seccompFilter, cgroup });
  const { startup } = policy;
  return {
    file: path.join(context.store.containers.runDir(planned.id), healthFileName),
    policy,
    plan: plan(policy),
    startupPlan: startup && plan(startup),
  };
}

function checkPlan(
  { id, bundle, options }: ContainerPlan,
  check: CheckPolicy,
  parts: Pick<ExecPlanRequest, "bundleDir" | "seccompFilter" | "cgroup">,
): Uint8Array {
  const { config } = bundle;
  const { process } = config;
  const { groupAdd, userns } = options;
  const user = resolveUser({ user: process.user.username, groupAdd, userns }, "", {
    uid: 0,
    gid: 0,
  });
  const because = "health check: as the container";
  const { records } = compileExecPlan({
    id,
    ...parts,
    runDir: "-",
    config,
    process: {
      args: check.command,
      env: process.env,
      cwd: process.cwd,
      user,
      capabilities: capabilities(config, {}, user),
      because: { user: because, cwd: because, capabilities: because },
    },
    foreground: true,
    forwardStdin: false,
    preserve: 0,
    hasOwnKeyring: false,
    events: [],
  });
  // Nobody else talks to it, so it has no directory.
  return encodeRecords({ records: records.filter(({ op }) => op !== setting.RUN_DIR) });
}
