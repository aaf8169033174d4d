import { readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { tryLockFile } from "../../platform/file-lock.ts";
import { isFree, listIdleLocks, removeIdleLock } from "../../store/idle-locks.ts";
import type { CheckOptions } from "../check-types.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { type Fault, maxAgeOf } from "./fault.ts";

const idPattern = /^[0-9a-f]{64}$/;
const hour = 60 * 60 * 1000;

/** What commands that were killed have left and that nobody holds any more. */
export function* examineRemains(context: EngineContext, options: CheckOptions): Generator<Fault> {
  yield* examineTrees(context);
  yield* examineFiles(context, options);
  yield* examineRunDirectories(context, options);
  yield* examineMarks(context);
  yield* examineLocks(context);
}

function* examineTrees(context: EngineContext): Generator<Fault> {
  const { layers, volumes } = context.store;
  const known = new Set(
    layers
      .list()
      .map(({ mappingKey, chainId }) => path.dirname(layers.diffPath(mappingKey, chainId))),
  );
  for (const { path: directory, lockPath } of layers.listPartials()) {
    // Of a layer that should be complete something was said already.
    if (known.has(directory) || !isFree(lockPath)) continue;
    const mend = async (): Promise<string> => {
      const lock = tryLockFile(lockPath);
      if (lock === undefined) return "in use again";
      const waste = layers.discardPartial(directory);
      lock.remove();
      if (waste !== undefined) await discardTree(context, waste);
      return "removed";
    };
    const problem = "the unpacking of a layer was not completed";
    yield { kind: "left over", subject: directory, problem, mend };
  }
  for (const directory of [...layers.listTrash(), ...volumes.listTrash()]) {
    const mend = async (): Promise<string> => {
      await discardTree(context, directory);
      return "removed";
    };
    yield { kind: "left over", subject: directory, problem: "it was to be removed", mend };
  }
}

function* examineFiles(context: EngineContext, options: CheckOptions): Generator<Fault> {
  const { root } = context.store;
  const partials = path.join(root, "blobs/partial");
  for (const name of readdirSync(partials)) {
    const lock = path.join(root, "locks", `blob-${name.slice(0, 64)}`);
    if (!isOlder(path.join(partials, name), maxAgeOf(options)) || !isFree(lock)) continue;
    yield leftover(path.join(partials, name), "a download that was not completed");
  }
  for (const name of readdirSync(root)) {
    const file = path.join(root, name);
    // Made in a moment: after an hour, or what the caller says, nobody does so any more.
    const age = Math.min(hour, maxAgeOf(options));
    if (!/^store\.db\.[0-9a-f]{12}\.tmp/.test(name) || !isOlder(file, age)) continue;
    yield leftover(file, "a database that was not completed");
  }
}

function* examineRunDirectories(context: EngineContext, options: CheckOptions): Generator<Fault> {
  const { containers, runtimeDir } = context.store;
  for (const id of readdirSync(runtimeDir)) {
    if (!idPattern.test(id) || containers.has(id)) continue;
    const directory = containers.runDir(id);
    const lockPath = path.join(directory, "lock");
    // Another store may use the same runtime directory, for a container that has no monitor yet.
    if (!isOlder(directory, Math.min(hour, maxAgeOf(options))) || !isFree(lockPath)) continue;
    const mend = async (): Promise<string> => {
      const lock = tryLockFile(lockPath);
      if (lock === undefined) return "in use again";
      rmSync(directory, { recursive: true, force: true });
      lock.release();
      return "removed";
    };
    const problem = "it belongs to no container";
    yield { kind: "run directory", subject: directory, problem, mend };
  }
}

/** After `containers.list()` there is none whose container could be forgotten. */
function* examineMarks(context: EngineContext): Generator<Fault> {
  const directory = path.join(context.store.root, "gone");
  for (const name of readdirSync(directory)) {
    if (idPattern.test(name) && !context.store.containers.has(name)) continue;
    yield leftover(path.join(directory, name), "a container that was removed is still known");
  }
}

function* examineLocks(context: EngineContext): Generator<Fault> {
  for (const lockPath of listIdleLocks(context.store)) {
    const mend = async (): Promise<string> =>
      removeIdleLock(lockPath) ? "removed" : "in use again";
    yield { kind: "lock", subject: lockPath, problem: "there is nothing that it locks", mend };
  }
}

function leftover(file: string, problem: string): Fault {
  const mend = async (): Promise<string> => {
    rmSync(file, { force: true });
    return "removed";
  };
  return { kind: "left over", subject: file, problem, mend };
}

function isOlder(file: string, age: number): boolean {
  const status = statSync(file, { throwIfNoEntry: false });
  return status !== undefined && Date.now() - status.mtimeMs >= age;
}
