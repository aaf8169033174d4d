import { openCredentials, ownAuthFile } from "../../registry/credentials.ts";
import { eraseAllLogins, eraseLogin } from "../../registry/stored-login.ts";
import type { EngineContext } from "../context.ts";
import type { LoginFileOptions, Logout } from "../registry-types.ts";
import { formatScope, loginScope } from "./login-scope.ts";

/** Forgets what a login has kept; other tools' files stay as they are. */
export async function logOut(
  context: EngineContext,
  registry: string | undefined,
  { authFile }: LoginFileOptions = {},
): Promise<Logout> {
  const scope = await loginScope(context, registry);
  const wasLoggedIn = await eraseLogin(ownAuthFile(authFile), scope);
  const others =
    authFile === undefined
      ? await openCredentials().findCredentials(scope.registry, scope.path)
      : undefined;
  return { registry: formatScope(scope), wasLoggedIn, hasOthers: others !== undefined };
}

/** Forgets all logins of a file. */
export async function logOutEverywhere({ authFile }: LoginFileOptions = {}): Promise<string> {
  const file = ownAuthFile(authFile);
  await eraseAllLogins(file);
  return file;
}
