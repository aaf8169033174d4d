import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { HookConfig, RuntimeConfig } from "../../oci/runtime-config.ts";
import { keepInheritedDescriptors } from "../../platform/inherited-descriptors.ts";
import { runProgram } from "../../platform/process.ts";
import { stateAs } from "./container-directory.ts";
import type { OciRecord } from "./oci-record.ts";
import type { OciContext, OciState } from "./oci-types.ts";

/** setTimeout(3) takes no more. */
const noLimit = 2 ** 31 - 1;

/**
 * Runs hooks of the runtime's own namespaces, one after the other, with the state on their standard
 * input.
 *
 * @param name of the list, for messages: `prestart`.
 * @throws TsmanError RUNTIME_FAILED naming the first that fails; those behind it do not run
 */
export async function runHooks(
  name: string,
  hooks: readonly HookConfig[] | undefined,
  state: OciState,
  signal?: AbortSignal,
): Promise<void> {
  for (const [index, hook] of (hooks ?? []).entries()) {
    await runHook(`/hooks/${name}/${index}`, hook, state, signal);
  }
}

/**
 * Hooks after the end: one that fails is told, and the others run.  What has brought the end about
 * interrupts none of them.
 */
export async function runPoststop(
  context: OciContext,
  hooks: RuntimeConfig["hooks"],
  record: OciRecord,
): Promise<void> {
  for (const [index, hook] of (hooks?.poststop ?? []).entries()) {
    const signal = context.signal?.aborted === true ? undefined : context.signal;
    try {
      await runHook(`/hooks/poststop/${index}`, hook, stateAs(record, "stopped", 0), signal);
    } catch (error) {
      context.onWarning((error as Error).message);
    }
  }
}

async function runHook(
  pointer: string,
  { path, args = [], env = [], timeout }: HookConfig,
  state: OciState,
  signal: AbortSignal | undefined,
): Promise<void> {
  const what = `run hook ${path} (${pointer})`;
  keepInheritedDescriptors();
  const [argv0, ...rest] = args;
  const result = await runProgram(path, rest, {
    ...(argv0 !== undefined && { argv0 }),
    input: JSON.stringify(state),
    env: Object.fromEntries(env.map(splitVariable)),
    cwd: state.bundle,
    dropsOutput: true,
    timeoutMs: timeout === undefined ? noLimit : timeout * 1000,
    signal,
  }).catch((error: unknown) => {
    throw isTsmanError(error) ? error.within(what) : error;
  });
  if (result.status === 0) return;
  const how =
    result.status === null ? `ended by ${result.signal}` : `ended with status ${result.status}`;
  const said = result.stderr.toString("utf8").trim().slice(0, 1024);
  throw new TsmanError("RUNTIME_FAILED", `${what}: ${how}${said === "" ? "" : `: ${said}`}`, {
    details: { pointer },
  });
}

function splitVariable(text: string): [string, string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}
