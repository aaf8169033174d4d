import { findProgram } from "../../config/find-program.ts";
import { findLiveProcess } from "../../container/liveness.ts";
import { readLog } from "../../container/log-reader.ts";
import { TsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerLogLine, ContainerLogOptions } from "../types.ts";
import { containerState, getContainer } from "./find-container.ts";
import { containerLogFile } from "./log-target.ts";
import { isRestarting } from "./next-life.ts";

/**
 * What a container wrote.  Following ends with the container, after its last line, and goes on when
 * it is started again by its restart policy.
 *
 * @throws TsmanError USAGE, CONTAINER_NOT_FOUND; LOG_UNAVAILABLE when its log driver keeps nothing that
 * could be read.
 */
export async function* containerLogs(
  context: EngineContext,
  nameOrId: string,
  options: ContainerLogOptions,
): AsyncGenerator<ContainerLogLine> {
  const record = getContainer(context, nameOrId);
  assertOptions(record, options);
  const driver = record.options.logDriver;
  if (driver === "journald") {
    const { readJournal } = await import("../../container/journal-reader.ts");
    const journal = { program: journalProgram(record), containerId: record.id };
    yield* readJournal(journal, options, () => isOver(context, record.id));
    return;
  }
  const file = containerLogFile(context, record);
  if (file === undefined) {
    throw unavailable(record, `its log driver is ${driver}`, {
      hint: "give it --log-driver k8s-file or json-file when it is made",
    });
  }
  yield* readLog(file, options, () => isOver(context, record.id));
}

function assertOptions(
  { name }: ContainerRecord,
  { tail = 0, since, until }: ContainerLogOptions,
): void {
  const isCount = Number.isSafeInteger(tail) && tail >= 0;
  const isWrong = (moment: Date | undefined): boolean =>
    moment !== undefined && Number.isNaN(moment.getTime());
  const wrong = isCount ? (isWrong(since) ? "since" : isWrong(until) ? "until" : "") : "tail";
  if (wrong === "") return;
  throw new TsmanError("USAGE", `read the log of container ${name}: ${wrong} is not valid`, {
    hint: "tail is a number of lines, since and until are dates",
  });
}

function journalProgram(record: ContainerRecord): string {
  const program = findProgram("journalctl");
  if (program !== undefined) return program;
  throw unavailable(record, "it is in systemd's journal, and journalctl is not there", {
    hint: "install systemd, which has it, or make the container with --log-driver k8s-file",
  });
}

function unavailable(
  record: ContainerRecord,
  why: string,
  { hint }: { readonly hint: string },
): TsmanError {
  return new TsmanError("LOG_UNAVAILABLE", `read the log of container ${record.name}: ${why}`, {
    hint,
    details: { container: record.id, driver: record.options.logDriver },
  });
}

/** Whether nothing more can get into the log of a container. */
function isOver(context: EngineContext, id: string): boolean {
  const { containers } = context.store;
  const record: ContainerRecord | undefined = containers.find(id);
  if (record === undefined) return true;
  const state = containerState(context, record);
  if (state.status === "created") return true;
  if (state.status !== "exited" || isRestarting(context, record, state)) return false;
  // The exit file comes when all output is in the log; without one, when its writer is gone.
  return (
    state.exit !== undefined || findLiveProcess(containers.runDir(id), "monitor") === undefined
  );
}
