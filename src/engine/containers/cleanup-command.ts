import path from "node:path";
import { installationDir, nodeProgram } from "../../platform/native.ts";
import type { EngineContext } from "../context.ts";

/**
 * The command with which a container's monitor has it removed (`--rm`) or started again (`--restart`)
 * when no other process of tsman is left to do it; `remove`: removed in any case.  Paths are spelled out: the monitor's environment is empty.
 */
export function cleanupCommand(
  context: EngineContext,
  id: string,
  { remove = false }: { readonly remove?: boolean } = {},
): readonly string[] {
  return [
    nodeProgram(),
    path.join(installationDir(), "dist/cli/main.cjs"),
    "--root",
    context.paths.root,
    "--runtime-dir",
    context.paths.runtimeDir,
    "container",
    "cleanup",
    ...(remove ? ["--rm"] : []),
    id,
  ];
}
