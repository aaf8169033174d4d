import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import process from "node:process";
import {
  findLiveInit,
  isAlive,
  type ProcessIdentity,
  readProcessIdentity,
} from "../../container/liveness.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { isErrno, toFileError } from "../../platform/errno.ts";
import { makeDirectory } from "../../platform/make-directory.ts";
import { readLife } from "../../platform/process-start-time.ts";
import { randomHex } from "../../platform/random.ts";
import { type OciRecord, readOciRecord } from "./oci-record.ts";
import type { OciContext, OciState, OciStatus } from "./oci-types.ts";
import { assertOwnDirectory, isOwnDirectory } from "./own-directory.ts";

// ROOT/ID is at the same time the run directory of the container's monitor: `init`, `lock`.

const recordName = "container.json";
/** Pid and start time of whoever makes it. */
const makerName = "maker";
/** Empty: everything is set up. */
const createdName = "created";
/** The configuration as it was at `create`. */
const configName = "config.json";
/** The compiled system call filter. */
const filterName = "seccomp.bpf";

/** runc's pattern; `.` and `..` are none. */
const idPattern = /^(?!\.{1,2}$)[\w+.-]{1,255}$/;

/**
 * Makes the directory of a new container.
 *
 * @throws TsmanError NAME_INVALID, NAME_IN_USE, DISK_FULL and the like; PREFLIGHT_STORAGE where others
 * may write to the root
 */
export function claimDirectory(context: OciContext, id: string): string {
  if (!idPattern.test(id)) {
    throw new TsmanError("NAME_INVALID", `create container ${JSON.stringify(id)}: not an id`, {
      hint: "use letters, digits, '_', '+', '-' and '.', at most 255",
    });
  }
  const directory = path.join(context.root, id);
  try {
    makeDirectory(context.root);
    assertOwnRoot(context.root);
    // Complete at once: from its first moment it says who is at it.
    const made = passingName(directory);
    mkdirSync(made, { mode: 0o700 });
    const { startTime } = readLife(process.pid) ?? {};
    writeFileSync(path.join(made, makerName), `${process.pid} ${startTime}\n`, { mode: 0o600 });
    try {
      renameSync(made, directory);
    } catch (error) {
      rmSync(made, { recursive: true, force: true });
      throw error;
    }
  } catch (error) {
    if (isErrno(error, "EEXIST") || isErrno(error, "ENOTEMPTY")) {
      throw new TsmanError("NAME_IN_USE", `create container ${id}: container with id exists`, {
        hint: `delete it first: tsman-oci delete ${id}`,
        details: { id },
      });
    }
    throw toFileError(error, `make ${directory}`);
  }
  return directory;
}

/** @returns false when it is missing. */
function assertOwnRoot(root: string): boolean {
  const remedy = "choose one of your own with --root, or give it to yourself with mode 0700";
  return assertOwnDirectory(root, "directory of containers", remedy);
}

/** A name that is no id, so that nobody finds it, with who is at it. */
function passingName(directory: string): string {
  // With an id of 255 characters the whole would be longer than NAME_MAX.
  const id = path.basename(directory).slice(0, 200);
  const name = `:${id}.${process.pid}.${randomHex(8)}`;
  return path.join(path.dirname(directory), name);
}

/**
 * Removes directories that were on their way here or away when whoever was at it was killed; those of
 * others stay as they are.
 *
 * @returns those of containers that were in the middle of being made, and are nobody's now.
 */
export function sweepRoot({ root, onWarning }: OciContext): readonly string[] {
  return namesIn(root).flatMap((name) => {
    const directory = path.join(root, name);
    const pid = /^:.*\.(\d+)\.[0-9a-f]+$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`) && isOwnDirectory(directory)) {
      try {
        rmSync(directory, { recursive: true, force: true });
      } catch (error) {
        // It is in nobody's way.
        onWarning(toFileError(error, `remove ${directory}`).message);
      }
    }
    const isRest = idPattern.test(name) && isAbandoned(directory) && isOwnDirectory(directory);
    return isRest ? [directory] : [];
  });
}

function namesIn(root: string): readonly string[] {
  if (!assertOwnRoot(root)) return [];
  try {
    return readdirSync(root);
  } catch (error) {
    throw toFileError(error, `read ${root}`);
  }
}

/** Whether somebody was killed in the middle of making it, and nothing of it runs. */
function isAbandoned(directory: string): boolean {
  if (existsSync(path.join(directory, createdName))) return false;
  const maker = readProcessIdentity(directory, "maker");
  return maker !== undefined && !isAlive(maker) && findLiveInit(directory) === undefined;
}

/** Writes what is remembered of a container, before anything of it runs. */
export function writeRecord(
  directory: string,
  record: OciRecord,
  config: Uint8Array,
  filter: Uint8Array | undefined,
): void {
  try {
    writeFileSync(path.join(directory, recordName), JSON.stringify(record), { mode: 0o600 });
    writeFileSync(path.join(directory, configName), config, { mode: 0o600 });
    if (filter !== undefined) {
      writeFileSync(path.join(directory, filterName), filter, { mode: 0o600 });
    }
  } catch (error) {
    throw toFileError(error, `write ${directory}`);
  }
}

/** From here on the container is created. */
export function markCreated(directory: string): void {
  try {
    writeFileSync(path.join(directory, createdName), "", { mode: 0o600 });
  } catch (error) {
    throw toFileError(error, `write ${directory}`);
  }
}

/** A container with what the kernel says of it. */
export interface OciContainer {
  readonly record: OciRecord;
  readonly directory: string;
  readonly status: OciStatus;
  /** Its init, while it lives. */
  readonly init: ProcessIdentity | undefined;
}

/**
 * Looks for a container.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND; PREFLIGHT_STORAGE where others may have made what is there,
 * STORE_CORRUPT when its record is damaged
 */
export function getOciContainer(context: OciContext, id: string): OciContainer {
  assertOwnRoot(context.root);
  if (idPattern.test(id)) {
    const remedy = `find out who made it, and then: rm -r ${path.join(context.root, id)}`;
    assertOwnDirectory(path.join(context.root, id), `container ${id}:`, remedy);
  }
  const found = idPattern.test(id) ? findOciContainer(context, id) : undefined;
  if (found !== undefined) return found;
  throw new TsmanError("CONTAINER_NOT_FOUND", `find container ${id}: container does not exist`, {
    hint: `list those in ${context.root}: tsman-oci list`,
    details: { id },
  });
}

/** @throws TsmanError STORE_CORRUPT when its record is damaged */
function findOciContainer(context: OciContext, id: string): OciContainer | undefined {
  const directory = path.join(context.root, id);
  const found = readOciRecord(path.join(directory, recordName));
  if (isAbandoned(directory)) return undefined;
  if (found === undefined) {
    if (!existsSync(path.join(directory, createdName))) return undefined;
    throw damaged(id, `${directory} has no ${recordName}`);
  }
  if ("fault" in found) throw damaged(id, found.fault);
  const init = findLiveInit(directory);
  return { record: found.record, directory, init, status: statusOf(directory, init) };
}

function damaged(id: string, why: string): TsmanError {
  return new TsmanError("STORE_CORRUPT", `find container ${id}: ${why}`, {
    hint: `remove what is left of it: tsman-oci delete --force ${id}`,
    details: { id },
  });
}

/** A container whose record is damaged, as far as it can be ended and removed. */
export function getDamagedContainer(
  context: OciContext,
  id: string,
): Pick<OciContainer, "directory" | "init"> {
  const directory = path.join(context.root, id);
  return { directory, init: findLiveInit(directory) };
}

function statusOf(directory: string, init: ReturnType<typeof findLiveInit>): OciStatus {
  if (init === undefined) return "stopped";
  if (!existsSync(path.join(directory, createdName))) return "creating";
  // Until its execve the process is ours, and waits.
  if (readLife(init.pid)?.hasExecuted !== true) return "created";
  return init.isStopped || existsSync(path.join(directory, pausedName)) ? "paused" : "running";
}

/** Its control group is frozen, or its processes are stopped. */
export const pausedName = "paused";
/** What was stopped before, where there is no control group to freeze. */
export const stoppedName = "stopped";

/** All containers, by id; of one whose record is damaged there is a warning. */
export function listOciContainers(context: OciContext): readonly OciContainer[] {
  return namesIn(context.root)
    .toSorted()
    .flatMap((id) => {
      const isOurs = idPattern.test(id) && isOwnDirectory(path.join(context.root, id));
      try {
        return (isOurs ? findOciContainer(context, id) : undefined) ?? [];
      } catch (error) {
        if (!isTsmanError(error, "STORE_CORRUPT")) throw error;
        context.onWarning(`${error.message} (${error.hint})`);
        return [];
      }
    });
}

/** The state as `state` prints it, and hooks read it. */
export function stateOf({ record, status, init }: Omit<OciContainer, "directory">): OciState {
  return stateAs(record, status, init?.pid ?? 0);
}

/** {@link stateOf} of a container that is somewhere in between. */
export function stateAs(record: OciRecord, status: OciStatus, pid: number): OciState {
  const { ociVersion, id, bundle, rootfs, created, owner, annotations } = record;
  return { ociVersion, id, pid, status, bundle, rootfs, created, owner, annotations };
}

/** The configuration that the container was created with. */
export function readConfigOf(directory: string): Uint8Array {
  return readFileSync(path.join(directory, configName));
}

/** The filter that it was created with. */
export function readFilterOf(directory: string): Uint8Array | undefined {
  try {
    return readFileSync(path.join(directory, filterName));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw toFileError(error, `read ${directory}`);
  }
}

/**
 * Removes a container's directory; of several who try, one does.
 *
 * @returns whether it was this one.
 */
export function removeDirectory(directory: string): boolean {
  const gone = passingName(directory);
  try {
    renameSync(directory, gone);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw toFileError(error, `remove ${directory}`);
  }
  rmSync(gone, { recursive: true, force: true });
  return true;
}
