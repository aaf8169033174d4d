import type { ContainerOptions } from "../../container/options.ts";
import type { EngineContext } from "../context.ts";
import type { ExplainDocument } from "../types.ts";
export async function explainRun(
  _context: EngineContext,
  _options: ContainerOptions,
): Promise<ExplainDocument> {
  return { sections: [] };
}
