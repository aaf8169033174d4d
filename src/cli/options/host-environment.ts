import { invalidValue } from "../usage-error.ts";
import type { CallerEnvironment, Variable } from "./environment-variables.ts";

/** Which network proxies there are: those that Podman passes on, in both cases. */
const proxies = new Set(["http_proxy", "https_proxy", "ftp_proxy", "no_proxy"]);

/**
 * The caller's variables that `--env-host` and `--http-proxy` hand over.
 *
 * @returns undefined when neither is given.
 */
export function hostVariables(
  values: { readonly "env-host": boolean; readonly "http-proxy": boolean },
  caller: CallerEnvironment,
): readonly Variable[] | undefined {
  const isAll = values["env-host"];
  if (!isAll && !values["http-proxy"]) return undefined;
  return Object.entries(caller).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (isAll || proxies.has(entry[0].toLowerCase())),
  );
}

/** A value of `--env-merge`: `NAME=TEMPLATE`. */
export function parseEnvironmentMerge(text: string, option: string): Variable {
  const equals = text.indexOf("=");
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  const why = equals < 0 ? "no =" : "the name is missing";
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what users write
  throw invalidValue(option, text, why, "write NAME=VALUE, such as 'PATH=${PATH}:/opt/bin'");
}
