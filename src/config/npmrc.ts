import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { readSmallFile } from "../platform/atomic-file.ts";
import { isErrno, toGivenFileError } from "../platform/errno.ts";
import { environmentVariable } from "./environment.ts";
import { homeDirectory } from "./paths.ts";

/** Where npm's packages come from, and who we are there. */
export interface NpmSettings {
  /** Base URL of the registry that has a package. */
  registryOf(packageName: string): URL;
  /**
   * Value of an Authorization header for a URL; undefined: none.  What the setting was made for
   * (`//host/path/`) has to be where the URL begins.
   */
  authorizationFor(url: URL): string | undefined;
}

const defaultRegistry = "https://registry.npmjs.org/";
const maxFileBytes = 1024 * 1024;

/**
 * Reads npm's settings as far as they concern packages that are downloaded: `registry`,
 * `@scope:registry`, `//HOST/:_authToken`, `:_auth`, `:username` with `:_password`; from the
 * environment (`npm_config_registry`), the directory's `.npmrc`, the user's and the system's, the
 * first of which wins; docs.npmjs.com, "npmrc".
 *
 * @param cwd the project's directory; missing: the current one.
 * @throws TsmanError CONFIG_INVALID
 */
export function readNpmSettings(cwd = "."): NpmSettings {
  const userFile =
    environmentVariable("npm_config_userconfig") ?? path.join(homeDirectory(), ".npmrc");
  const values = new Map<string, string>();
  // The last one that is read wins.
  for (const file of ["/etc/npmrc", userFile, path.join(cwd, ".npmrc")]) readFile(file, values);
  const registry = environmentVariable("npm_config_registry");
  if (registry !== undefined) values.set("registry", registry);
  return settingsOf(values);
}

/** The settings of one file, or of several in a row. */
export function parseNpmrc(
  text: string,
  values: Map<string, string>,
  variable: (name: string) => string | undefined,
): void {
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === "" || line.startsWith(";") || line.startsWith("#")) continue;
    const equals = line.indexOf("=");
    if (equals === -1) continue;
    const key = expand(line.slice(0, equals).trim(), variable);
    const value = line.slice(equals + 1).trim();
    values.set(key, expand(unquoted(value), variable));
  }
}

/** What npm's settings mean for tsman. */
export function settingsOf(values: ReadonlyMap<string, string>): NpmSettings {
  return {
    registryOf: (name) => {
      const scope = name.startsWith("@") ? name.slice(0, name.indexOf("/")) : undefined;
      const key = scope === undefined ? undefined : `${scope}:registry`;
      const own = key === undefined ? undefined : values.get(key);
      return registryUrl(own ?? values.get("registry") ?? defaultRegistry, key ?? "registry");
    },
    authorizationFor: (url) => {
      // From the longest path to the host alone: npm's "nerf dart".
      for (let prefix = `//${url.host}${url.pathname}`; prefix.length > 2; ) {
        const found = authorization(values, prefix.endsWith("/") ? prefix : `${prefix}/`);
        if (found !== undefined) return found;
        prefix = prefix.replace(/\/+$/, "").replace(/[^/]*$/, "");
      }
      return undefined;
    },
  };
}

function authorization(values: ReadonlyMap<string, string>, prefix: string): string | undefined {
  const get = (key: string): string | undefined => values.get(`${prefix}:${key}`);
  const token = get("_authToken");
  if (token !== undefined) return `Bearer ${token}`;
  const basic = get("_auth");
  if (basic !== undefined) return `Basic ${basic}`;
  const username = get("username");
  const password = get("_password");
  if (username === undefined || password === undefined) return undefined;
  const plain = Buffer.from(password, "base64").toString("utf8");
  return `Basic ${Buffer.from(`${username}:${plain}`).toString("base64")}`;
}

function registryUrl(text: string, key: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new TsmanError("CONFIG_INVALID", `read npm's setting ${key}: it is no http URL`, {
      hint: `set it as npm does: npm config set ${key} https://HOST/`,
    });
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

function readFile(file: string, values: Map<string, string>): void {
  let bytes: Buffer;
  try {
    bytes = readSmallFile(file, maxFileBytes);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return;
    throw toGivenFileError(error, `read npm's settings ${file}`, "read");
  }
  parseNpmrc(bytes.toString("utf8"), values, environmentVariable);
}

/** `${NAME}` is the environment's; a variable that is not set stays as it is written, as in npm. */
function expand(text: string, variable: (name: string) => string | undefined): string {
  return text.replace(/\$\{([^}]+)\}/g, (written, name: string) => variable(name) ?? written);
}

function unquoted(value: string): string {
  return (
    /^"(.*)"$|^'(.*)'$/
      .exec(value)
      ?.slice(1)
      .find((part) => part !== undefined) ?? value
  );
}
