import path from "node:path";
import process from "node:process";
import { ErrnoError } from "./errno.ts";
import { installationDir } from "./native.ts";

/** native/replace-process.c */
type Addon = (program: string, args: readonly string[], environment: readonly string[]) => number;

/**
 * execve(2): this process becomes another program, with descriptors 0 to 2.  Returns only by an error.
 *
 * Not `process.execve`, which takes 5 ms to load what it needs and aborts when it is refused.
 *
 * @param args begin with the program's name
 * @throws ErrnoError; Error when the installation lacks the addon
 */
export function replaceProcess(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): never {
  const module: { exports: unknown } = { exports: {} };
  process.dlopen(module, path.join(installationDir(), "dist/libexec/replace-process.node"));
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  throw new ErrnoError("execve", program, (module.exports as Addon)(program, args, variables));
}
