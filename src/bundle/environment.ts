import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";

/** PATH of a program whose image sets none: the one of Docker and Podman. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** `${NAME}` or `$NAME`, as a shell has them. */
const reference = /\$(?:\{([^{}]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g;

/** A variable and what asked for it. */
export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly because: string;
}

/**
 * The program's environment: defaults, then what of the caller's was asked for, then the image, then
 * the user, each over the other.  Nothing of the caller's own environment gets in unasked (S26).
 *
 * `container=oci` is what systemd's container interface suggests for runtimes of OCI bundles; a
 * name of our own would be known to no program.
 *
 * @throws TsmanError USAGE on a name that is empty or holds "="
 */
export function resolveEnvironment(
  options: Pick<
    ContainerOptions,
    "env" | "envMerge" | "hostEnv" | "unsetEnv" | "unsetEnvAll" | "tty"
  >,
  imageEnv: readonly string[],
  hostname: string,
): Variable[] {
  const variables = new Map<string, Variable>();
  const set = (name: string, value: string, because: string): void => {
    variables.set(name, { name, value, because });
  };
  set("PATH", defaultPath, "default");
  if (options.tty) set("TERM", "xterm", "-t");
  for (const [name, value] of options.hostEnv ?? []) set(name, value, "the caller's");
  // What the caller has there is true of the caller.
  set("container", "oci", "default");
  set("HOSTNAME", hostname, "default");
  for (const entry of imageEnv) {
    const equals = entry.indexOf("=");
    // Docker: an entry without "=" names a variable that is set to nothing.
    const name = equals < 0 ? entry : entry.slice(0, equals);
    if (name !== "") set(name, equals < 0 ? "" : entry.slice(equals + 1), "image ENV");
  }
  for (const [name, template] of options.envMerge ?? []) {
    const merged = template.replaceAll(reference, (_, braced?: string, plain?: string) => {
      return variables.get(braced ?? plain ?? "")?.value ?? "";
    });
    set(name, merged, `--env-merge ${name}`);
  }
  if (options.unsetEnvAll) variables.clear();
  for (const name of options.unsetEnv) variables.delete(name);
  for (const [name, value] of options.env) {
    if (name === "" || name.includes("=")) {
      throw new TsmanError("USAGE", `use --env ${JSON.stringify(name)}: not a variable's name`, {
        hint: "write NAME=VALUE",
      });
    }
    set(name, value, `--env ${name}`);
  }
  return [...variables.values()];
}
