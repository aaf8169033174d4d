import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { findLiveProcess } from "../../container/liveness.ts";
import type { FileLock } from "../../platform/file-lock.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import { isAbandoned } from "../containers/abandoned.ts";
import { execDirectory } from "../containers/exec-sessions.ts";
import { configFileName } from "../containers/find-container.ts";
import { tryLockContainer } from "../containers/lock-container.ts";
import { removeContainer } from "../containers/remove-container.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import type { Fault } from "./fault.ts";

const idPattern = /^[0-9a-f]{64}$/;
/** What a monitor keeps in the run directory as long as it lives. */
const livingFiles = ["monitor", "init", "initialized", "control", "attach", "restart", "launch"];

/** Whether each container's row and directories agree, and what nobody will clean up any more. */
export async function* examineContainers(context: EngineContext): AsyncGenerator<Fault> {
  const { containers } = context.store;
  for (const record of containers.list()) {
    yield* underLock(context, record, () => examineStopped(context, record));
    yield* examineExecSessions(context, record);
  }
  for (const id of readdirSync(path.join(context.store.root, "containers"))) {
    // The row comes first and goes last.
    if (!idPattern.test(id) || containers.has(id)) continue;
    const directory = containers.dir(id);
    yield {
      kind: "container",
      subject: id.slice(0, 12),
      problem: `${directory} belongs to no container`,
      mend: async () => {
        await discardTree(context, directory);
        return "removed";
      },
    };
  }
}

/** Nothing about a container that runs, or that another command works on. */
async function* underLock(
  context: EngineContext,
  record: ContainerRecord,
  examine: () => Iterable<Fault>,
): AsyncGenerator<Fault> {
  let lock: FileLock | undefined;
  try {
    lock = tryLockContainer(context, record);
  } catch {
    // It was removed a moment ago.
    return;
  }
  if (lock === undefined) return;
  let faults: readonly Fault[];
  try {
    // As it is now, with the lock.
    const isThere = context.store.containers.has(record.id);
    faults = isThere ? [...examine()] : [];
  } finally {
    lock.release();
  }
  yield* faults;
}

function* examineStopped(context: EngineContext, record: ContainerRecord): Generator<Fault> {
  const { containers, images } = context.store;
  const dir = containers.dir(record.id);
  const fault = { kind: "container", subject: record.name } as const;
  const removed = async (): Promise<string> => {
    await removeContainer(context, record.id, { volumes: true });
    return "removed";
  };
  if (isAbandoned(context, record)) {
    const problem = "it has ended, and nobody is left to remove it (--rm)";
    yield { ...fault, problem, mend: removed };
    return;
  }
  if (!existsSync(dir)) {
    yield { ...fault, problem: `its directory ${dir} is missing`, mend: removed };
    return;
  }
  const { imageId } = record;
  if (imageId !== undefined && images.findById(imageId) === undefined) {
    const problem = `its image ${record.imageName} is not in the store`;
    yield { ...fault, problem, mend: removed };
    return;
  }
  const config = path.join(dir, configFileName);
  if (existsSync(config) && !isJson(config)) {
    const mend = async (): Promise<string> => {
      // Every start writes it anew, after the record.
      rmSync(config);
      return "removed: the next start writes it anew";
    };
    yield { ...fault, problem: `${config} is damaged`, mend };
  }
  const runDir = containers.runDir(record.id);
  const stale = livingFiles.filter((name) => existsSync(path.join(runDir, name)));
  if (stale.length > 0 && isOld(path.join(runDir, stale[0] as string))) {
    const mend = async (): Promise<string> => {
      const lock = tryLockContainer(context, record);
      if (lock === undefined) return "in use again";
      try {
        for (const name of stale) rmSync(path.join(runDir, name), { force: true });
      } finally {
        lock.release();
      }
      return "removed";
    };
    const problem = `${stale.join(", ")} of a monitor that is gone`;
    yield { kind: "run directory", subject: runDir, problem, mend };
  }
}

/** A start writes what it hands over just before its monitor takes the lock. */
function isOld(file: string): boolean {
  const status = statSync(file, { throwIfNoEntry: false });
  return status !== undefined && Date.now() - status.mtimeMs > 1000;
}

function* examineExecSessions(context: EngineContext, { id }: ContainerRecord): Generator<Fault> {
  const directory = execDirectory(context, id);
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const session = path.join(directory, name);
    if (findLiveProcess(session, "monitor") !== undefined || !isOld(session)) continue;
    const problem = "no such exec session runs";
    const mend = async (): Promise<string> => {
      rmSync(session, { recursive: true, force: true });
      return "removed";
    };
    yield { kind: "run directory", subject: session, problem, mend };
  }
}

function isJson(file: string): boolean {
  try {
    return typeof JSON.parse(readFileSync(file, "utf8")) === "object";
  } catch {
    return false;
  }
}
