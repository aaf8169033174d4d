import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestStore, TsmanOptions, TsmanResult } from "./support.ts";

/** Options as one types them, or as a list where one of them holds a blank. */
export type Options = string | readonly string[];

function words(options: Options): readonly string[] {
  return typeof options === "string" ? options.split(" ").filter(Boolean) : options;
}

/** `tsman run --rm OPTIONS busybox sh -c SCRIPT`, whatever comes of it. */
export async function trySh(
  store: TestStore,
  options: Options,
  script: string,
  more: TsmanOptions = {},
): Promise<TsmanResult> {
  return await store.run(["run", "--rm", ...words(options), "busybox", "sh", "-c", script], more);
}

/**
 * What a shell script prints in a new container of busybox, which has no network unless the options
 * ask for one; without the last newline.
 */
export async function sh(
  store: TestStore,
  options: Options,
  script: string,
  more: TsmanOptions = {},
): Promise<string> {
  const network = words(options).some((word) => word.startsWith("--net")) ? "" : "--network=none";
  const args = ["run", "--rm", ...words(network), ...words(options), "busybox", "sh", "-c", script];
  const { stdout } = await store.succeed(args, more);
  return stdout.replace(/\n$/, "");
}

/** A container in the background. */
export interface Background extends AsyncDisposable {
  readonly id: string;
  /** Of its init, here. */
  readonly pid: number;
}

let count = 0;

/**
 * `tsman run -d OPTIONS busybox COMMAND`, without a network unless the options ask for one; removed
 * at the end of the scope.
 */
export async function background(
  store: TestStore,
  options: Options,
  command: readonly string[] = ["sleep", "1000"],
): Promise<Background> {
  count += 1;
  const pidFile = join(store.scratch, `pid-${count}`);
  const network = words(options).some((word) => /^(-p|-P|--net)/.test(word))
    ? ""
    : "--network=none";
  const { stdout } = await store.succeed([
    ..."run --detach --pidfile".split(" "),
    pidFile,
    ...words(network),
    ...words(options),
    "busybox",
    ...command,
  ]);
  const id = stdout.trim();
  return {
    id,
    pid: Number(await readFile(pidFile, "utf8")),
    async [Symbol.asyncDispose]() {
      await store.run(["rm", "--force", "--time", "0", "--volumes", "--ignore", id]);
    },
  };
}

/** The host's programs and libraries over those of busybox, for what busybox cannot do. */
export const hostPrograms: readonly string[] = ["/usr", "/lib", "/lib64"]
  .filter((directory) => existsSync(directory))
  .flatMap((directory) => ["--volume", `${directory}:${directory}:ro`]);
