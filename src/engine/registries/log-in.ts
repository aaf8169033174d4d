import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { registryAttempt } from "../../oci/registry-rules.ts";
import { checkLogin, type LoginVerdict } from "../../registry/check-login.ts";
import {
  type CredentialProvider,
  type Credentials,
  openCredentials,
  ownAuthFile,
} from "../../registry/credentials.ts";
import { type LoginScope, storeLogin } from "../../registry/stored-login.ts";
import type { EngineContext } from "../context.ts";
import { clientOptions } from "../images/registry-access.ts";
import type { Login, LoginFileOptions, LoginOptions } from "../registry-types.ts";
import type { RegistryCredentials } from "../types.ts";
import { formatScope, loginScope } from "./login-scope.ts";

/** Shows a registry credentials, and keeps them if it takes them. */
export async function logIn(
  context: EngineContext,
  registry: string | undefined,
  credentials: RegistryCredentials,
  options: LoginOptions = {},
): Promise<Login> {
  const scope = await loginScope(context, registry);
  requireUsable(credentials, scope);
  const given: Credentials = { kind: "password", ...credentials };
  const verdict = await verify(context, scope, { findCredentials: () => given }, options);
  const file = ownAuthFile(options.authFile);
  const stored = await storeLogin(file, scope, credentials);
  return { registry: formatScope(scope), ...stored, isChecked: verdict === "accepted" };
}

/** Shows a registry what is kept for it; undefined if there is nothing, or it does not take it. */
export async function checkKeptLogin(
  context: EngineContext,
  registry: string | undefined,
  options: LoginOptions = {},
): Promise<string | undefined> {
  const scope = await loginScope(context, registry);
  const known = await findKept(scope, options);
  if (known === undefined) return undefined;
  try {
    await verify(context, scope, { findCredentials: () => known }, options);
    return nameOf(known);
  } catch (error) {
    if (isTsmanError(error, "REGISTRY_AUTH")) return undefined;
    throw error;
  }
}

/** The user's name that is kept for a registry. */
export async function findLogin(
  context: EngineContext,
  registry: string | undefined,
  options: LoginFileOptions = {},
): Promise<string | undefined> {
  const known = await findKept(await loginScope(context, registry), options);
  return known === undefined ? undefined : nameOf(known);
}

async function findKept(
  { registry, path }: LoginScope,
  { authFile }: LoginFileOptions,
): Promise<Credentials | undefined> {
  try {
    return await openCredentials({ authFile }).findCredentials(registry, path);
  } catch (error) {
    // A file that was named for the first login is not there before it.
    const { cause } = error as Error;
    if (isTsmanError(error) && (cause as NodeJS.ErrnoException)?.code === "ENOENT")
      return undefined;
    throw error;
  }
}

function nameOf(credentials: Credentials): string {
  return credentials.kind === "password" ? credentials.username : "";
}

async function verify(
  context: EngineContext,
  { registry, path }: LoginScope,
  credentials: CredentialProvider,
  options: LoginOptions,
): Promise<LoginVerdict> {
  const { registries } = await context.settings();
  // For the sake of what is configured for this part of the name space; it is not moved elsewhere,
  // since nobody has named that place.
  const reference = { registry, repository: path };
  const attempt = { ...registryAttempt(reference, registries), reference };
  const client = await clientOptions(context, attempt, options);
  return await checkLogin({ ...client, credentials });
}

/**
 * RFC 7617 and what headers and files can hold: a name without a colon, and neither with control
 * characters.
 */
function requireUsable({ username, password }: RegistryCredentials, scope: LoginScope): void {
  const wrong =
    username === ""
      ? "the user name is empty"
      : username.includes(":")
        ? "a user name cannot hold a colon"
        : isControlled(username)
          ? "the user name holds control characters"
          : password === ""
            ? "the password is empty"
            : isControlled(password)
              ? "the password holds control characters, a line break say"
              : undefined;
  if (wrong === undefined) return;
  throw new TsmanError("USAGE", `log in to ${formatScope(scope)}: ${wrong}`, {
    hint: "write tsman login --username NAME --password-stdin REGISTRY",
  });
}

function isControlled(text: string): boolean {
  return [...text].some((character) => character < " " || character === "\x7f");
}
