import { TsmanError } from "../../errors/index.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerPlan } from "./plan-container.ts";
export async function flattenRootfs(
  _context: EngineContext,
  _planned: ContainerPlan,
  _lowers: readonly string[],
  _dir: string,
): Promise<string> {
  throw new TsmanError("PREFLIGHT_STORAGE", "copy");
}
