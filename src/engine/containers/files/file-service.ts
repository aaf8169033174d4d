import type { EngineContext } from "../../context.ts";
import type { ContainerFileService } from "../../file-types.ts";
import { abortable } from "../../library/interruptible.ts";

/** The part of the container service that concerns files and namespaces. */
export function createFileService(context: EngineContext): ContainerFileService {
  return {
    async export(nameOrId, options) {
      const { exportContainer } = await import("./export-container.ts");
      await exportContainer(context, nameOrId, options);
    },
    async diff(nameOrId, options) {
      const { diffContainer } = await import("./diff-container.ts");
      return await diffContainer(context, nameOrId, options);
    },
    async copy(from, to, options) {
      const { copyFiles } = await import("./copy-files.ts");
      await copyFiles(context, from, to, options);
    },
    async commit(nameOrId, options) {
      const { commitContainer } = await import("./commit-container.ts");
      const signal = options?.signal;
      return await abortable(
        () => signal,
        `commit container ${nameOrId}`,
        async () => {
          signal?.throwIfAborted();
          return await commitContainer(context, nameOrId, options);
        },
      );
    },
    async mount(nameOrId) {
      const { mountContainer } = await import("./mount-container.ts");
      return await mountContainer(context, nameOrId);
    },
    async unmount(nameOrId, options) {
      const { unmountContainer } = await import("./mount-container.ts");
      return await unmountContainer(context, nameOrId, options);
    },
    async listMounts() {
      const { listMounts } = await import("./mount-container.ts");
      return listMounts(context);
    },
    async namespaces(namesOrIds) {
      const { listNamespaces } = await import("./list-namespaces.ts");
      return listNamespaces(context, namesOrIds);
    },
  };
}
