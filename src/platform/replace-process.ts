import { ErrnoError } from "./errno.ts";
import { processAddon } from "./process-addon.ts";

/**
 * execve(2): this process becomes another program, with descriptors 0 to 2.  Returns only by an error.
 *
 * Not `process.execve`, which takes 5 ms to load what it needs and aborts when it is refused.
 *
 * @param args begin with the program's name
 * @param descriptor one more that the program has; missing: none
 * @throws ErrnoError; Error when the installation lacks the addon
 */
export function replaceProcess(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  descriptor = -1,
): never {
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const { replaceProcess: execve } = processAddon();
  throw new ErrnoError("execve", program, execve(program, args, variables, descriptor));
}
