import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { environmentVariable } from "../config/environment.ts";
import { homeDirectory } from "../config/paths.ts";
import { isTsmanError, TsmanError } from "../errors/index.ts";
import { type AuthFile, credentialsOf, findAuthKey, readAuthFile } from "./auth-file.ts";
import { findCredentialHelper } from "./credential-helper.ts";

/** What proves to a registry who we are. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token that a token server gave at login. */
  | { readonly kind: "identity-token"; readonly token: string }
  /** A token for the registry itself. */
  | { readonly kind: "registry-token"; readonly token: string };

/** Asked once a registry demands credentials. */
export interface CredentialProvider {
  /** What is known for this repository; undefined: nothing. */
  findCredentials(
    registry: string,
    repository: string,
  ): Credentials | undefined | Promise<Credentials | undefined>;
  /** Why something that is configured for this registry could not be used, if so. */
  explainMissing?(registry: string): string | undefined;
}

/** Knows nothing. */
export const anonymous: CredentialProvider = { findCredentials: () => undefined };

/** What {@link openCredentials} takes. */
export interface CredentialSources {
  /** `--creds USER[:PASSWORD]`: for the registry of this pull, before everything else. */
  readonly creds?: string | undefined;
  /** `--authfile`: the only file that is read; it must be there. */
  readonly authFile?: string | undefined;
}

/**
 * Credentials of the command line and of the files that containers' tools share;
 * containers-auth.json(5).  Files are read when a registry first asks.
 *
 * @throws TsmanError USAGE for malformed `--creds`
 */
export function openCredentials(sources: CredentialSources = {}): CredentialProvider {
  const given = sources.creds === undefined ? undefined : parseCreds(sources.creds);
  if (given !== undefined) return { findCredentials: () => given };
  const named = sources.authFile ?? environmentVariable("REGISTRY_AUTH_FILE");
  return named === undefined
    ? fileCredentials(defaultAuthFiles(), false)
    : fileCredentials([named], true);
}

/** Where a login is written: `--authfile`, else REGISTRY_AUTH_FILE, else tsman's own. */
export function ownAuthFile(authFile: string | undefined): string {
  const [own = ""] = defaultAuthFiles();
  return path.resolve(authFile ?? environmentVariable("REGISTRY_AUTH_FILE") ?? own);
}

/** Where credentials are looked for, in order; files that do not exist are left out when read. */
export function defaultAuthFiles(): string[] {
  const home = homeDirectory();
  const configHome = environmentVariable("XDG_CONFIG_HOME") ?? path.join(home, ".config");
  const runtimeDir = environmentVariable("XDG_RUNTIME_DIR");
  const dockerDir = environmentVariable("DOCKER_CONFIG") ?? path.join(home, ".docker");
  return [
    path.join(configHome, "tsman/auth.json"),
    ...(runtimeDir === undefined ? [] : [path.join(runtimeDir, "containers/auth.json")]),
    path.join(configHome, "containers/auth.json"),
    path.join(dockerDir, "config.json"),
  ];
}

/**
 * Credentials out of auth.json files and the helpers that these name; the first file that knows the
 * repository decides.
 *
 * @param mustExist whether a missing file is an error
 */
export function fileCredentials(files: readonly string[], mustExist = false): CredentialProvider {
  let unusable: string | undefined;
  return {
    findCredentials: async (registry, repository) => {
      unusable = undefined;
      for (const file of files) {
        try {
          if (!mustExist) requireOwn(file);
          const content = readAuthFile(file, mustExist);
          if (content === undefined) continue;
          const found = await findInFile(content, file, registry, repository);
          if (found !== undefined) return found;
        } catch (error) {
          if (!(error instanceof UnusableStore)) throw error;
          unusable ??= error.message;
        }
      }
      return undefined;
    },
    explainMissing: () => unusable,
  };
}

/**
 * A file that nobody has named may be somebody else's: after `su`, or in a directory that others can
 * write to.  It would choose whom we are, and which helpers are run.
 */
function requireOwn(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const euid = process.geteuid?.();
  if (stat.uid !== euid && stat.uid !== 0) {
    throw new UnusableStore(`${file} belongs to another user and was not read`);
  }
  try {
    accessSync(file, constants.R_OK);
  } catch {
    throw new UnusableStore(`${file} may not be read by this user`);
  }
}

/** Credentials that cannot be had: that need not concern the registry that is asked for. */
class UnusableStore extends Error {
  override readonly name = "UnusableStore";
}

async function findInFile(
  content: AuthFile,
  file: string,
  registry: string,
  repository: string,
): Promise<Credentials | undefined> {
  // A helper for this registry that is missing is an error: nobody else may be asked in its place.
  const helper = helperFor(content, registry);
  if (helper !== undefined) return await findCredentialHelper(helper, file).get(registry);
  const auths = content.auths ?? {};
  const key = findAuthKey(auths, registry, repository);
  const entry = key === undefined ? undefined : auths[key];
  const found = entry === undefined ? undefined : credentialsOf(entry, file, registry);
  if (found !== undefined || !content.credsStore) return found;
  try {
    return await findCredentialHelper(content.credsStore, file).get(registry);
  } catch (error) {
    if (!isTsmanError(error)) throw error;
    throw new UnusableStore(error.message, { cause: error });
  }
}

/** The helper that a file names for one registry. */
export function helperFor(content: AuthFile, registry: string): string | undefined {
  const helpers = content.credHelpers ?? {};
  const names =
    registry === "docker.io"
      ? ["docker.io", "index.docker.io", "https://index.docker.io/v1/"]
      : [registry];
  const name = names.find((each) => Object.hasOwn(helpers, each));
  return name === undefined ? undefined : helpers[name];
}

/**
 * Reads `--creds USER:PASSWORD`.
 *
 * @throws TsmanError USAGE; the message never holds the value
 */
export function parseCreds(text: string): Credentials {
  const colon = text.indexOf(":");
  if (colon <= 0) {
    throw new TsmanError("USAGE", "read --creds: not of the form USER:PASSWORD", {
      hint: "write --creds USER:PASSWORD, or put the password into a file given by --authfile",
    });
  }
  return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1) };
}
