import { lstatSync, realpathSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { parseDocument } from "../oci/document.ts";
import { readSmallFile, writeFileAtomic } from "../platform/atomic-file.ts";
import { isErrno, toFileError } from "../platform/errno.ts";
import { lockFile } from "../platform/file-lock.ts";
import { makeDirectory } from "../platform/make-directory.ts";
import type { Credentials } from "./credentials.ts";

/** Larger files are no auth.json. */
const maxAuthFileBytes = 1024 * 1024;

const entrySchema = z.object({
  auth: z.nullish(z.string()),
  username: z.nullish(z.string()),
  password: z.nullish(z.string()),
  identitytoken: z.nullish(z.string()),
  registrytoken: z.nullish(z.string()),
});

const authFileSchema = z.object({
  auths: z.nullish(z.record(z.string(), entrySchema)),
  credHelpers: z.nullish(z.record(z.string(), z.string())),
  credsStore: z.nullish(z.string()),
});

/** What auth.json and Docker's config.json say about credentials; containers-auth.json(5). */
export type AuthFile = z.infer<typeof authFileSchema>;
type AuthEntry = z.infer<typeof entrySchema>;

/**
 * Reads a file of credentials.
 *
 * @returns undefined for one that is not there, unless it has to be
 * @throws TsmanError CONFIG_INVALID; nothing of its content is in the message
 */
export function readAuthFile(file: string, mustExist: boolean): AuthFile | undefined {
  let bytes: Buffer;
  try {
    bytes = readSmallFile(file, maxAuthFileBytes);
  } catch (error) {
    if (!mustExist && isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw new TsmanError("CONFIG_INVALID", `read credentials ${file}: ${reasonOf(error)}`, {
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

function reasonOf(error: unknown): string {
  if (isErrno(error, "ENOENT")) return "there is no such file";
  if (isErrno(error, "EACCES")) return "permission denied";
  return error instanceof Error ? error.message : "not readable";
}

/** What hosts of Docker Hub's are called in such files. */
const hubHosts = ["docker.io", "index.docker.io"];

/**
 * The most specific entry: `host/a/b`, `host/a`, `host`, then Docker's keys with a scheme.
 *
 * @returns its key
 */
export function findAuthKey(
  auths: NonNullable<AuthFile["auths"]>,
  registry: string,
  repository: string,
): string | undefined {
  const hosts = registry === "docker.io" ? hubHosts : [registry];
  for (const host of hosts) {
    const parts = repository === "" ? [] : repository.split("/");
    for (let length = parts.length; length >= 0; length -= 1) {
      const key = [host, ...parts.slice(0, length)].join("/");
      if (Object.hasOwn(auths, key)) return key;
    }
  }
  return Object.keys(auths).find((key) => {
    const host = /^https?:\/\/([^/]+)(?:\/|$)/.exec(key)?.[1];
    return host !== undefined && hosts.includes(host);
  });
}

/**
 * What an entry holds; undefined for one that only says that a helper has it.
 *
 * @throws TsmanError CONFIG_INVALID
 */
export function credentialsOf(
  entry: AuthEntry,
  file: string,
  registry: string,
): Credentials | undefined {
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

/** The entry for a name and a password. */
export function passwordEntry(username: string, password: string): AuthEntry {
  return { auth: Buffer.from(`${username}:${password}`, "utf8").toString("base64") };
}

/**
 * Changes the entries of a file, of which the rest stays as it is.  It is written whole or not at
 * all, for its owner only, and logins at the same time wait for each other.
 *
 * @param change gets the entries, which it may change; false: nothing is to be written
 * @throws TsmanError CONFIG_INVALID, PREFLIGHT_STORAGE, DISK_FULL
 */
export async function updateAuthFile(
  file: string,
  change: (auths: Record<string, unknown>) => boolean,
): Promise<void> {
  const target = resolveOwnFile(file);
  const directory = path.dirname(target);
  try {
    makeDirectory(directory);
  } catch (error) {
    throw toFileError(error, `make ${directory}`);
  }
  const lock = await lockFile(path.join(directory, `.${path.basename(target)}.lock`));
  try {
    changeFile(target, change);
  } finally {
    lock.remove();
  }
}

function changeFile(file: string, change: (auths: Record<string, unknown>) => boolean): void {
  // Checked by its schema; written from the text itself, which may hold more than we know.
  const isThere = readAuthFile(file, false) !== undefined;
  const document: Record<string, unknown> = isThere
    ? JSON.parse(readSmallFile(file, maxAuthFileBytes).toString("utf8"))
    : {};
  const auths = Object.assign(Object.create(null), document.auths ?? {});
  if (!change(auths)) return;
  try {
    const text = `${JSON.stringify({ ...document, auths }, undefined, 2)}\n`;
    writeFileAtomic(file, text, { mode: 0o600, sync: true });
  } catch (error) {
    throw toFileError(error, `write credentials ${file}`);
  }
}

/**
 * Where a file is in the end: people keep such files elsewhere and link to them.  A link that is
 * not ours may have been laid for us, and is not followed.
 */
function resolveOwnFile(file: string): string {
  try {
    const stat = lstatSync(file);
    if (stat.isFile()) return file;
    if (stat.isSymbolicLink() && stat.uid === process.geteuid?.()) return realpathSync(file);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return path.resolve(file);
    throw toFileError(error, `write credentials ${file}`);
  }
  throw new TsmanError(
    "PREFLIGHT_STORAGE",
    `write credentials ${file}: it is no regular file, nor a link of yours to one`,
    { hint: "name another file with --authfile" },
  );
}
