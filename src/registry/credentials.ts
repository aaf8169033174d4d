import { readFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod/mini";
import { environmentVariable } from "../config/environment.ts";
import { homeDirectory } from "../config/paths.ts";
import { TsmanError } from "../errors/index.ts";
import { parseDocument } from "../oci/document.ts";

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

/** Larger files are no auth.json. */
const maxAuthFileBytes = 1024 * 1024;

const authFileSchema = z.object({
  auths: z.nullish(
    z.record(
      z.string(),
      z.object({
        auth: z.nullish(z.string()),
        username: z.nullish(z.string()),
        password: z.nullish(z.string()),
        identitytoken: z.nullish(z.string()),
        registrytoken: z.nullish(z.string()),
      }),
    ),
  ),
  credHelpers: z.nullish(z.record(z.string(), z.string())),
  credsStore: z.nullish(z.string()),
});

type AuthFile = z.infer<typeof authFileSchema>;
type AuthEntry = NonNullable<AuthFile["auths"]>[string];

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
 * Credentials out of auth.json files; the first file that knows the repository decides.
 *
 * @param mustExist whether a missing file is an error
 */
export function fileCredentials(files: readonly string[], mustExist = false): CredentialProvider {
  let read: { readonly file: string; readonly content: AuthFile }[] | undefined;
  const contents = () => {
    read ??= files.flatMap((file) => {
      const content = readAuthFile(file, mustExist);
      return content === undefined ? [] : [{ file, content }];
    });
    return read;
  };
  return {
    findCredentials: (registry, repository) => {
      for (const { file, content } of contents()) {
        const entry = findEntry(content.auths ?? {}, registry, repository);
        const found = entry === undefined ? undefined : credentialsOf(entry, file, registry);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    explainMissing: (registry) => {
      for (const { file, content } of contents()) {
        const helper = content.credHelpers?.[registry] ?? content.credsStore ?? undefined;
        if (helper !== undefined && /^[A-Za-z0-9-]{1,64}$/.test(helper)) {
          return `${file} names the credential helper ${helper}, which tsman does not run; give --creds or --authfile`;
        }
      }
      return undefined;
    },
  };
}

function readAuthFile(file: string, mustExist: boolean): AuthFile | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!mustExist && (code === "ENOENT" || code === "ENOTDIR")) return undefined;
    throw new TsmanError("CONFIG_INVALID", `read credentials ${file}: ${reasonOf(code)}`, {
      hint: `check --authfile, or make ${file} readable for this user`,
      cause: error,
    });
  }
  return parseDocument(authFileSchema, bytes, {
    what: `credentials ${file}`,
    code: "CONFIG_INVALID",
    maxBytes: maxAuthFileBytes,
  });
}

function reasonOf(code: string | undefined): string {
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "permission denied";
  return `not readable (${code ?? "unknown reason"})`;
}

/** The most specific entry: `host/a/b`, `host/a`, `host`, then Docker's keys with a scheme. */
function findEntry(
  auths: Readonly<Record<string, AuthEntry>>,
  registry: string,
  repository: string,
): AuthEntry | undefined {
  const hosts = registry === "docker.io" ? ["docker.io", "index.docker.io"] : [registry];
  for (const host of hosts) {
    const parts = repository.split("/");
    for (let length = parts.length; length >= 0; length -= 1) {
      const key = [host, ...parts.slice(0, length)].join("/");
      if (Object.hasOwn(auths, key)) return auths[key];
    }
  }
  for (const [key, entry] of Object.entries(auths)) {
    const host = /^https?:\/\/([^/]+)(?:\/|$)/.exec(key)?.[1];
    if (host !== undefined && hosts.includes(host)) return entry;
  }
  return undefined;
}

function credentialsOf(entry: AuthEntry, file: string, registry: string): Credentials | undefined {
  if (entry.registrytoken) return { kind: "registry-token", token: entry.registrytoken };
  if (entry.identitytoken) return { kind: "identity-token", token: entry.identitytoken };
  if (entry.username && entry.password) {
    return { kind: "password", username: entry.username, password: entry.password };
  }
  if (!entry.auth) return undefined;
  const plain = Buffer.from(entry.auth, "base64").toString("utf8");
  const colon = plain.indexOf(":");
  if (colon === -1) {
    throw new TsmanError(
      "CONFIG_INVALID",
      `read credentials ${file}: the entry for ${registry} is no base64 of user:password`,
      { hint: "log in again with the tool that wrote it" },
    );
  }
  return {
    kind: "password",
    username: plain.slice(0, colon),
    // Docker pads old entries with NUL.
    password: plain.slice(colon + 1).replace(/\0+$/, ""),
  };
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
