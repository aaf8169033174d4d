import type { EngineContext } from "../context.ts";
import type { RegistryService } from "../registry-types.ts";

/** The part of the engine that concerns registries, over a context. */
export function createRegistryService(context: EngineContext): RegistryService {
  return {
    async logIn(registry, credentials, options) {
      const { logIn } = await import("./log-in.ts");
      return await logIn(context, registry, credentials, options);
    },
    async checkLogin(registry, options) {
      const { checkKeptLogin } = await import("./log-in.ts");
      return await checkKeptLogin(context, registry, options);
    },
    async findLogin(registry, options) {
      const { findLogin } = await import("./log-in.ts");
      return await findLogin(context, registry, options);
    },
    async logOut(registry, options) {
      const { logOut } = await import("./log-out.ts");
      return await logOut(context, registry, options);
    },
    async logOutEverywhere(options) {
      const { logOutEverywhere } = await import("./log-out.ts");
      return await logOutEverywhere(options);
    },
  };
}
