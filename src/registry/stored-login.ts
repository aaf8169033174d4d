import {
  type AuthFile,
  findAuthKey,
  passwordEntry,
  readAuthFile,
  updateAuthFile,
} from "./auth-file.ts";
import { type CredentialHelper, findCredentialHelper } from "./credential-helper.ts";
import { helperFor } from "./credentials.ts";

/** What a login is for: a registry, or a part of it. */
export interface LoginScope {
  readonly registry: string;
  /** `team/app`; "" for all of it. */
  readonly path: string;
}

/** Where credentials were put. */
export interface StoredLogin {
  readonly file: string;
  /** The program that keeps them, if the file names one. */
  readonly helper?: string | undefined;
}

/**
 * Keeps a name and a password: in the file, or with the helper that it names.
 *
 * @throws TsmanError CONFIG_INVALID, PREFLIGHT_HELPER, PREFLIGHT_STORAGE, DISK_FULL
 */
export async function storeLogin(
  file: string,
  scope: LoginScope,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<StoredLogin> {
  const helper = helperOf(readAuthFile(file, false) ?? {}, file, scope.registry);
  await helper?.store(keyOf(scope), username, password);
  await updateAuthFile(file, (auths) => {
    // With a helper the entry says only that there is one, as Docker does it.
    auths[keyOf(scope)] = helper === undefined ? passwordEntry(username, password) : {};
    return true;
  });
  return { file, helper: helper?.program };
}

/**
 * Forgets what {@link storeLogin} has kept.
 *
 * @returns whether there was something
 * @throws TsmanError as {@link storeLogin}
 */
export async function eraseLogin(file: string, scope: LoginScope): Promise<boolean> {
  const content = readAuthFile(file, false) ?? {};
  const helper = helperOf(content, file, scope.registry);
  const isWithHelper = (await helper?.get(keyOf(scope))) !== undefined;
  if (isWithHelper) await helper?.erase(keyOf(scope));
  let isInFile = false;
  await updateAuthFile(file, (auths) => {
    const key =
      scope.path === ""
        ? findAuthKey(auths as NonNullable<AuthFile["auths"]>, scope.registry, "")
        : keyOf(scope);
    isInFile = key !== undefined && key in auths;
    if (isInFile && key !== undefined) delete auths[key];
    return isInFile;
  });
  return isWithHelper || isInFile;
}

/** Forgets every entry of a file; those that a helper keeps are erased there too. */
export async function eraseAllLogins(file: string): Promise<void> {
  const content = readAuthFile(file, false);
  if (content === undefined) return;
  for (const key of Object.keys(content.auths ?? {})) {
    const [registry = key] = key.replace(/^https?:\/\//, "").split("/");
    await helperOf(content, file, registry)?.erase(key);
  }
  for (const registry of Object.keys(content.credHelpers ?? {})) {
    await helperOf(content, file, registry)?.erase(registry);
  }
  await updateAuthFile(file, (auths) => {
    for (const key of Object.keys(auths)) delete auths[key];
    return true;
  });
}

function helperOf(content: AuthFile, file: string, registry: string): CredentialHelper | undefined {
  const name = helperFor(content, registry) ?? content.credsStore ?? undefined;
  return name === undefined || name === "" ? undefined : findCredentialHelper(name, file);
}

function keyOf({ registry, path }: LoginScope): string {
  return path === "" ? registry : `${registry}/${path}`;
}
