import type { EngineContext } from "../context.ts";
import { abortable, interruptibleStream } from "../library/interruptible.ts";
import type { SystemService } from "../system-types.ts";

/** The part of the engine that concerns the whole store. */
export function createSystemService(context: EngineContext): SystemService {
  return {
    async diskUsage() {
      const { diskUsage } = await import("./disk-usage.ts");
      return await diskUsage(context);
    },
    async size() {
      const { treeSizes } = await import("../tree-sizes.ts");
      const { root } = context.store;
      return (await treeSizes(context, [root])).get(root)?.used ?? 0;
    },
    async *prune(options) {
      const { prune } = await import("./prune.ts");
      yield* interruptibleStream(options.signal, "prune", prune(context, options));
    },
    async reset(options = {}) {
      const { resetStore } = await import("./reset-store.ts");
      const { signal } = options;
      await abortable(
        () => signal,
        "reset the store",
        () => resetStore(context, signal),
      );
    },
  };
}
