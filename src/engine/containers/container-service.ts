import type { EngineContext } from "../context.ts";
import {
  abortable,
  asInterrupted,
  interruptible,
  interruptibleStream,
} from "../library/interruptible.ts";
import { OwnedContainers } from "../library/owned-containers.ts";
import type { ContainerService } from "../types.ts";
import { containerSummary } from "./container-summary.ts";
import { createFileService } from "./files/file-service.ts";
import { getContainer } from "./find-container.ts";
import { listContainers } from "./list-containers.ts";

/** The container part of the engine over a context. */
export function createContainerService(
  context: EngineContext,
  owned: OwnedContainers = new OwnedContainers(),
): ContainerService {
  const service: ContainerService = {
    ...createFileService(context),
    async run(image, options = {}) {
      const { runOwned } = await import("../library/run-owned.ts");
      return await runOwned(context, service, owned, image, options);
    },
    async get(nameOrId) {
      const { ContainerHandle } = await import("../library/container-handle.ts");
      const summary = containerSummary(context, getContainer(context, nameOrId));
      return new ContainerHandle(summary, { context, service });
    },
    async launch(options, io) {
      const { runContainer } = await import("./run-container.ts");
      const what = `run image ${options.image}`;
      return await abortable(
        () => io.signal,
        what,
        () => runContainer(context, options, io),
      );
    },
    async create(options, io = {}) {
      const { createContainer } = await import("./create-container.ts");
      const what = `create container of image ${options.image}`;
      const { id, name } = await abortable(
        () => io.signal,
        what,
        async () => {
          io.signal?.throwIfAborted();
          return await createContainer(context, options, io);
        },
      );
      return { id, name };
    },
    async start(nameOrId, io, options) {
      const { startContainer } = await import("./start-container.ts");
      const what = `start container ${nameOrId}`;
      return await abortable(
        () => io.signal,
        what,
        () => startContainer(context, nameOrId, io, options),
      );
    },
    async exec(nameOrId, options, io) {
      const { execInContainer } = await import("./exec-container.ts");
      const what = `execute in container ${nameOrId}`;
      return await abortable(
        () => io.signal,
        what,
        () => execInContainer(context, nameOrId, options, io),
      );
    },
    async healthcheck(nameOrId, signal) {
      const { runHealthCheck } = await import("./run-health-check.ts");
      const what = `check the health of container ${nameOf(context, nameOrId)}`;
      return await abortable(
        () => signal,
        what,
        () => runHealthCheck(context, nameOrId, signal),
      );
    },
    async attach(nameOrId, options, io) {
      const { attachContainer } = await import("./attach-container.ts");
      return await attachContainer(context, nameOrId, options, io);
    },
    async init(nameOrId) {
      const { initContainer } = await import("./init-container.ts");
      await initContainer(context, nameOrId);
    },
    async restart(nameOrId, options) {
      const { restartContainer } = await import("./restart-container.ts");
      const what = `restart container ${nameOf(context, nameOrId)}`;
      await abortable(
        () => options?.signal,
        what,
        async () => {
          options?.signal?.throwIfAborted();
          await restartContainer(context, nameOrId, options);
        },
      );
    },
    async pause(nameOrId) {
      const { pauseContainer } = await import("./pause-container.ts");
      await pauseContainer(context, nameOrId);
    },
    async unpause(nameOrId) {
      const { unpauseContainer } = await import("./pause-container.ts");
      await unpauseContainer(context, nameOrId);
    },
    async update(nameOrId, changes) {
      const { updateContainer } = await import("./update-container.ts");
      return await updateContainer(context, nameOrId, changes);
    },
    async clone(nameOrId, options = {}, io = {}) {
      const { cloneContainer } = await import("./clone-container.ts");
      const what = `clone container ${nameOf(context, nameOrId)}`;
      const { id, name } = await abortable(
        () => io.signal,
        what,
        async () => {
          io.signal?.throwIfAborted();
          return await cloneContainer(context, nameOrId, options, io);
        },
      );
      return { id, name };
    },
    async *startEnabled(io = {}) {
      const { startEnabled } = await import("./start-enabled.ts");
      yield* interruptibleStream(io.signal, "start containers", startEnabled(context, io));
    },
    async startupUnit() {
      const { startupUnit } = await import("../startup-unit.ts");
      return startupUnit(context);
    },
    async rename(nameOrId, name) {
      const { renameContainer } = await import("./rename-container.ts");
      renameContainer(context, nameOrId, name);
    },
    async cleanUp(nameOrId, options) {
      const { cleanUpContainer } = await import("./cleanup-container.ts");
      await cleanUpContainer(context, nameOrId, options);
    },
    async list(options = {}) {
      return await listContainers(context, options);
    },
    async find(nameOrId) {
      const record = context.store.containers.find(nameOrId);
      return record === undefined ? undefined : containerSummary(context, record);
    },
    async inspect(nameOrId, options = {}) {
      const { inspectContainer } = await import("./inspect-container.ts");
      return await inspectContainer(context, getContainer(context, nameOrId), options);
    },
    async stop(nameOrId, options = {}) {
      const { stopContainer } = await import("./stop-container.ts");
      const what = `stop container ${nameOrId}`;
      await interruptible(options.signal, what, () => stopContainer(context, nameOrId, options));
    },
    async kill(nameOrId, signal) {
      const { killContainer } = await import("./stop-container.ts");
      killContainer(context, nameOrId, signal);
    },
    async remove(nameOrId, options = {}) {
      const { removeWithDependents } = await import("./dependents.ts");
      const what = `remove container ${nameOrId}`;
      const work = () => removeWithDependents(context, nameOrId, options);
      await interruptible(options.signal, what, work);
    },
    async *logs(nameOrId, options = {}) {
      const { containerLogs } = await import("./container-logs.ts");
      const logs = containerLogs(context, nameOrId, options);
      const what = `read the log of container ${nameOf(context, nameOrId)}`;
      yield* interruptibleStream(options.signal, what, logs);
    },
    async processes(nameOrId) {
      const { containerProcesses } = await import("./container-processes.ts");
      return containerProcesses(context, nameOrId);
    },
    async *stats(options = {}) {
      const { containerStats } = await import("./container-stats.ts");
      const stats = containerStats(context, options);
      yield* interruptibleStream(options.signal, "measure containers", stats);
    },
    async wait(nameOrId, options = {}) {
      const { waitContainer } = await import("./wait-container.ts");
      try {
        return await waitContainer(context, nameOrId, options);
      } catch (error) {
        const what = `wait for container ${nameOf(context, nameOrId)}`;
        throw asInterrupted(error, options.signal, what);
      }
    },
  };
  return service;
}

/** For messages. */
function nameOf({ store }: EngineContext, nameOrId: string): string {
  return store.containers.find(nameOrId)?.name ?? nameOrId;
}
