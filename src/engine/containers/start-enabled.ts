import { neededContainers } from "../../bundle/joins.ts";
import { startsWithMachine } from "../../container/restart-policy.ts";
import { type TsmanError, toTsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { CreateIo } from "../types.ts";
import { containerState, isUp } from "./find-container.ts";
import { startContainer } from "./start-container.ts";

/** What became of one container that should be up. */
export interface EnabledStart {
  readonly id: string;
  readonly name: string;
  /** Missing: it runs now. */
  readonly error?: TsmanError | undefined;
}

/**
 * Starts what should be up and is not, after a reboot for instance: restart policy `always`, and
 * `unless-stopped` if nobody stopped it.  Containers that others need come before those.
 */
export async function* startEnabled(
  context: EngineContext,
  io: Pick<CreateIo, "signal" | "onWarning">,
): AsyncGenerator<EnabledStart> {
  for (const { id, name } of inOrder(wanted(context))) {
    try {
      const session = await startContainer(context, id, {
        // They are in the background: nothing of this process.
        ...{ stdin: 0, stdout: 1, stderr: 2 },
        ...io,
      });
      session?.release();
      yield { id, name };
    } catch (error) {
      io.signal?.throwIfAborted();
      yield { id, name, error: toTsmanError(error, `start container ${name}`) };
    }
  }
}

function wanted(context: EngineContext): readonly ContainerRecord[] {
  return context.store.containers
    .list()
    .toReversed()
    .filter(
      (record) =>
        startsWithMachine(record.options.restart, record.stoppedByUser === true) &&
        // What was only made was never up.
        record.startedAt !== undefined &&
        !isUp(containerState(context, record)),
    );
}

/** Those that need nobody first, then those that need them, and so on; a circle goes last. */
function inOrder(records: readonly ContainerRecord[]): readonly ContainerRecord[] {
  const ordered: ContainerRecord[] = [];
  let left = records;
  while (left.length > 0) {
    const waiting = left.filter((record) => left.some((other) => needs(record, other)));
    if (waiting.length === left.length) return [...ordered, ...left];
    ordered.push(...left.filter((record) => !waiting.includes(record)));
    left = waiting;
  }
  return ordered;
}

function needs(record: ContainerRecord, other: ContainerRecord): boolean {
  return neededContainers(record.options).some(
    (container) => container === other.name || other.id.startsWith(container),
  );
}
