import { readFileSync } from "node:fs";
import { type ResolvedUser, resolveWorkdir } from "../../bundle/command.ts";
import type { ProcessIdentity } from "../../container/liveness.ts";
import { defaultDetachKeys } from "../../container/options.ts";
import { TsmanError } from "../../errors/index.ts";
import { type Capabilities, capabilityNames, type RuntimeSpec } from "../../oci/runtime-spec.ts";
import { compileExecPlan } from "../../runtime/exec-plan.ts";
import type { LaunchPlan } from "../../runtime/launch-plan.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { ExecOptions, TerminalSize } from "../types.ts";
import { monitorEvents } from "./container-events.ts";
import { filterInForce } from "./container-filter.ts";

/** What {@link execPlan} takes besides the container. */
export interface ExecPlanParts {
  /** The container's init; missing: its monitor knows. */
  readonly init?: ProcessIdentity | undefined;
  /** Directory of the container's control group; missing: it has none. */
  readonly cgroup?: string | undefined;
  /** Existing directory of the session. */
  readonly runDir: string;
  readonly config: RuntimeSpec;
  readonly options: ExecOptions;
  readonly user: ResolvedUser;
  readonly terminal: TerminalSize | undefined;
  /** It goes with this process. */
  readonly ephemeral?: boolean | undefined;
  /** The native session takes over, and tells of the start. */
  readonly session?: { readonly words: string; readonly hold: boolean; readonly id: string };
}

const defaultTerminal: TerminalSize = { rows: 24, columns: 80 };

/**
 * The plan of an exec session: the container's configuration with what the options change.
 *
 * @throws TsmanError USAGE
 */
export async function execPlan(
  context: EngineContext,
  record: ContainerRecord,
  { init, cgroup, runDir, config, options, user, terminal, ephemeral, session }: ExecPlanParts,
): Promise<LaunchPlan> {
  const workdir = options.workdir ?? "";
  const hasUser = options.user !== undefined;
  return compileExecPlan({
    id: record.id,
    target: init,
    cgroup,
    runDir,
    bundleDir: context.store.containers.dir(record.id),
    config,
    process: {
      args: options.command,
      env: environment(config.process.env, options),
      cwd: workdir === "" ? config.process.cwd : resolveWorkdir(workdir, "").path,
      user,
      capabilities: capabilities(config, options, user),
      because: {
        user: hasUser ? "--user" : "exec: as the container",
        cwd: workdir === "" ? "exec: as the container" : "--workdir",
        capabilities: options.privileged ? "--privileged" : "exec: as the container",
      },
    },
    terminal: options.tty ? (terminal ?? defaultTerminal) : undefined,
    detachKeys: Uint8Array.from(options.detachKeys ?? defaultDetachKeys),
    foreground: !options.detach,
    forwardStdin: (options.interactive ?? false) && !options.detach,
    preserve: options.preserveFds?.length ?? 0,
    hasOwnKeyring: !isFiltered(),
    seccompFilter: await filterInForce(context, record.id, config.linux.seccomp),
    ephemeral,
    session,
    events:
      session === undefined
        ? monitorEvents(context.store.events, record, ["exec_died"])
        : monitorEvents(context.store.events, record, ["exec", "exec_died"], {
            execID: session.id,
          }),
  });
}

/** A filter of an outer container may answer keyctl(2) with anything; see host facts of `run`. */
function isFiltered(): boolean {
  return /^Seccomp:\s*2$/m.test(readFileSync("/proc/self/status", "utf8"));
}

function environment(own: readonly string[], options: ExecOptions): string[] {
  const variables = new Map<string, string>();
  if (options.tty) variables.set("TERM", "xterm");
  for (const entry of own) {
    const equals = entry.indexOf("=");
    variables.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  for (const [name, value] of options.env ?? []) {
    if (name === "" || name.includes("=")) {
      throw new TsmanError("USAGE", `use --env ${JSON.stringify(name)}: not a variable's name`, {
        hint: "write NAME=VALUE",
      });
    }
    variables.set(name, value);
  }
  return Array.from(variables, ([name, value]) => `${name}=${value}`);
}

/**
 * The container's bounding set, or with `--privileged` all that the user namespace gives; in force
 * for its root only, as the kernel would have it (capabilities(7), "Effect of user ID changes").
 */
export function capabilities(
  config: RuntimeSpec,
  options: Pick<ExecOptions, "privileged">,
  user: Pick<ResolvedUser, "uid">,
): Capabilities {
  const bounding = options.privileged ? capabilityNames : config.process.capabilities.bounding;
  const held = user.uid === undefined || user.uid === 0 ? bounding : [];
  return { bounding, effective: held, permitted: held, inheritable: [], ambient: [] };
}
