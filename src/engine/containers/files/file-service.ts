import type { EngineContext } from "../../context.ts";
import type { ContainerFileService } from "../../file-types.ts";

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
      return await commitContainer(context, nameOrId, options);
    },
  };
}
