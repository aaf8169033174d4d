import type { EngineContext } from "../context.ts";
import type { ManifestService } from "../manifest-types.ts";

/** The part of the engine that concerns lists of images; its code is loaded when it is used. */
export function createManifestService(context: EngineContext): ManifestService {
  const lists = async () => await import("./change-list.ts");
  return {
    create: async (name, options) => (await lists()).createList(context, name, options),
    annotate: async (list, image, notes) => (await lists()).annotate(context, list, image, notes),
    removeEntry: async (list, image) => (await lists()).removeEntry(context, list, image),
    find: async (list) => (await lists()).findList(context, list),
    list: async () => context.store.manifestLists.list().flatMap(({ names }) => names),
    remove: async (list) => await (await lists()).removeList(context, list),
    async add(list, image, options = {}) {
      const { addToList } = await import("./add-to-list.ts");
      return await addToList(context, list, image, options);
    },
    async inspectRemote(image, options = {}) {
      const { readRemote } = await import("./add-to-list.ts");
      return await readRemote(context, image, options);
    },
    async push(list, destination, options = {}) {
      const { pushList } = await import("./push-list.ts");
      return await pushList(context, list, destination, options);
    },
  };
}
