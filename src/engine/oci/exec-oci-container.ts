import { existsSync } from "node:fs";
import path from "node:path";
import { adoptConfig } from "../../bundle/adopt/adopt-config.ts";
import { processUser } from "../../bundle/adopt/adopt-process.ts";
import type { AdoptionFacts } from "../../bundle/adopt/adoption-facts.ts";
import type { Bundle } from "../../bundle/bundle.ts";
import { exitCodeOfWaitStatus } from "../../container/exit-record.ts";
import { writePidFile } from "../../container/pid-file.ts";
import { TsmanError } from "../../errors/index.ts";
import {
  type ProcessConfig,
  parseProcessConfig,
  parseRuntimeConfig,
  type RuntimeConfig,
  refusedIn,
} from "../../oci/runtime-config.ts";
import { departureSettings, processAdditions } from "../../runtime/additions.ts";
import { compileExecPlan } from "../../runtime/exec-plan.ts";
import { type PlanRecord, settingRecord } from "../../runtime/launch-plan.ts";
import { findGroup } from "../containers/container-cgroup.ts";
import { readAdoptionFacts } from "./adoption-facts.ts";
import { getOciContainer, readConfigOf, readFilterOf } from "./container-directory.ts";
import { departureOf, startForCaller } from "./create-oci-container.ts";
import { readGivenDocument } from "./given-document.ts";
import type { OciContext, OciExecRequest } from "./oci-types.ts";
import { mayPassThrough } from "./own-streams.ts";
import type { OciSession, RunRequest } from "./run-oci-container.ts";

/** The caller's side of a session, as in `run`. */
export type ExecSide = Pick<RunRequest, "terminal" | "beforeStart">;

/**
 * `exec`: another program in a running container; resolves when it runs.
 *
 * @returns the session; undefined when it is detached.
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CONFIG_INVALID, COMMAND_NOT_FOUND …
 */
export async function execInOciContainer(
  context: OciContext,
  request: OciExecRequest,
  side: ExecSide,
): Promise<OciSession | undefined> {
  const { id, detach } = request;
  const container = getOciContainer(context, id);
  const { init, status, directory } = container;
  const isReady = status === "running" || (status === "paused" && request.ignorePaused);
  if (init === undefined || !isReady) {
    throw new TsmanError(
      "CONTAINER_NOT_RUNNING",
      `execute in container ${id}: cannot exec in a container that is ${status}`,
      { hint: `its state must be running: tsman-oci state ${id}`, details: { id } },
    );
  }
  const config = parseRuntimeConfig(readConfigOf(directory), "config.json");
  const facts = readAdoptionFacts(config, container.record.bundle);
  const program = processOf(request, config.process);
  const isTerminal = program.terminal ?? false;
  if (detach && isTerminal && request.consoleSocket === undefined) {
    throw new TsmanError(
      "USAGE",
      `execute in container ${id}: a terminal, and nobody who takes it`,
      {
        hint: "give --console-socket, or leave --tty or --detach out",
      },
    );
  }
  const { config: spec, warnings } = adoptProgram(request, { ...config, process: program }, facts);
  for (const warning of warnings) context.onWarning(warning);
  const departure = departureOf(request, detach ? "leave" : undefined);
  const isPassedThrough = !isTerminal && (detach || mayPassThrough());
  const passThrough: readonly PlanRecord[] = isPassedThrough
    ? [settingRecord("PASSTHROUGH", [], "exec")]
    : [];
  const { consoleSize } = program;
  const because = originsOf(request);
  const group = findGroup(directory);
  const place = subgroupOf(request, group?.path);
  if (group !== undefined) {
    const { admitTo } = await import("../../cgroup/container-group.ts");
    await admitTo(group, process.pid, context.signal);
  }
  const handle = await startForCaller(
    context,
    request,
    compileExecPlan({
      id,
      target: init,
      cgroup: place,
      bundleDir: container.record.bundle,
      config: spec,
      process: { ...spec.process, user: processUser(program, config.annotations), because },
      terminal: !isTerminal
        ? undefined
        : (side.terminal ??
          (consoleSize === undefined
            ? { rows: 0, columns: 0 }
            : { rows: consoleSize.height, columns: consoleSize.width })),
      foreground: !detach,
      forwardStdin: true,
      preserve: request.preserveFds,
      hasOwnKeyring: request.newKeyring,
      seccompFilter: readFilterOf(directory),
      events: [],
      hold: true,
      additions: {
        settings: [
          ...departureSettings({ ...departure, preserve: 0 }),
          settingRecord("JOIN_ANY", [], "exec"),
          settingRecord("STRICT", [], "exec"),
          ...passThrough,
        ],
        process: processAdditions(program, ""),
      },
    }),
  );
  try {
    await handle.ready;
    if (request.pidFile !== undefined) {
      writePidFile(request.pidFile, (await handle.created).pid);
    }
    await side.beforeStart?.(isTerminal && request.consoleSocket === undefined);
    handle.start();
    await handle.started;
  } catch (error) {
    await handle.end();
    throw error;
  }
  if (detach) {
    await handle.departed();
    return undefined;
  }
  return {
    exited: handle.exited.then(exitCodeOfWaitStatus),
    signal: (number) => handle.signal(number),
    resize: (rows, columns) => handle.resize(rows, columns),
  };
}

/**
 * The group that the program is to be in; a container may have made it in its own.
 *
 * @throws TsmanError PREFLIGHT_CGROUP where there is none
 */
function subgroupOf(
  { id, subgroup }: OciExecRequest,
  group: string | undefined,
): string | undefined {
  if (subgroup === undefined) return group;
  const what = `execute in container ${id}: use --cgroup ${subgroup}`;
  if (group === undefined) {
    throw new TsmanError("PREFLIGHT_CGROUP", `${what}: the container has no control group`, {
      hint: "leave it out, or set /linux/cgroupsPath of its config.json",
    });
  }
  const place = path.join(group, path.normalize(`/${subgroup}`));
  if (existsSync(path.join(place, "cgroup.procs"))) return place;
  throw new TsmanError("PREFLIGHT_CGROUP", `${what}: there is no such group in its own`, {
    hint: "make it first: mkdir below /sys/fs/cgroup of the container",
  });
}

function adoptProgram(
  { processFile }: OciExecRequest,
  config: RuntimeConfig,
  facts: AdoptionFacts,
): Bundle {
  try {
    return adoptConfig(config, facts);
  } catch (error) {
    throw processFile === undefined ? error : refusedIn(processFile, error);
  }
}

/** Where it stands: in a file, in an option, or in the container's configuration. */
function originsOf({ processFile: file, user, cwd, capabilities }: OciExecRequest) {
  const place = (name: string, isGiven: boolean, option: string): string => {
    // Podman's have long names that say nothing, and are gone by then.
    if (file !== undefined) return `exec --process: /${name}`;
    return isGiven ? `exec --${option}` : `/process/${name}`;
  };
  return {
    args: place("args", false, ""),
    user: place("user", user !== undefined, "user"),
    cwd: place("cwd", cwd !== undefined, "cwd"),
    capabilities: place("capabilities", capabilities.length > 0, "cap"),
  };
}

/** The process of a file, or the container's own with what the options change. */
function processOf(request: OciExecRequest, own: ProcessConfig): ProcessConfig {
  const { processFile, args, user, cwd, env, capabilities } = request;
  if (processFile !== undefined) {
    const given = parseProcessConfig(readGivenDocument(processFile), processFile);
    return request.terminal ? { ...given, terminal: true } : given;
  }
  if (args.length === 0) {
    throw new TsmanError("USAGE", `execute in container ${request.id}: no command is named`, {
      hint: "write it after the id, or give --process FILE",
    });
  }
  const set = (name: "bounding" | "effective" | "permitted" | "inheritable" | "ambient") => [
    ...new Set([...(own.capabilities?.[name] ?? []), ...capabilities]),
  ];
  return {
    ...own,
    args: [...args],
    terminal: request.terminal,
    consoleSize: undefined,
    ...(cwd !== undefined && { cwd }),
    env: [...(own.env ?? []), ...env],
    user:
      user === undefined ? withGids(own.user, request) : withGids(parseUser(user, own), request),
    ...(capabilities.length > 0 && {
      capabilities: {
        bounding: set("bounding"),
        effective: set("effective"),
        permitted: set("permitted"),
        inheritable: set("inheritable"),
        ambient: set("ambient"),
      },
    }),
    ...(request.noNewPrivileges && { noNewPrivileges: true }),
    ...(request.apparmorProfile !== undefined && { apparmorProfile: request.apparmorProfile }),
    ...(request.selinuxLabel !== undefined && { selinuxLabel: request.selinuxLabel }),
  };
}

function withGids(user: ProcessConfig["user"], request: OciExecRequest): ProcessConfig["user"] {
  if (request.additionalGids.length === 0) return user;
  return { ...user, additionalGids: [...(user.additionalGids ?? []), ...request.additionalGids] };
}

function parseUser(text: string, own: ProcessConfig): ProcessConfig["user"] {
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  const [uid, gid] = [Number(match?.[1]), Number(match?.[2] ?? own.user.gid)];
  if (match === null || uid > 0xffff_fffe || gid > 0xffff_fffe) {
    throw new TsmanError("USAGE", `use --user ${text}: not UID or UID:GID`, {
      hint: "write numbers: who has a name is the image's business",
    });
  }
  return { ...own.user, uid, gid };
}
