import { TsmanError } from "../errors/index.ts";
import { Session } from "./session.ts";
import type { RegistryClientOptions } from "./settings.ts";

/** What a registry says about credentials. */
export type LoginVerdict =
  | "accepted"
  /** It asks nobody who they are, here at least. */
  | "not asked";

/**
 * Shows a registry credentials; distribution-spec, "Determining Support".
 *
 * @throws TsmanError REGISTRY_AUTH for what it does not accept, or must not be shown; REGISTRY_*
 */
export async function checkLogin(
  options: Omit<RegistryClientOptions, "repository">,
): Promise<LoginVerdict> {
  await using session = new Session({ ...options, repository: "" });
  const what = `log in to ${session.registry}`;
  await session.repeat(what, session.registry, async () => {
    const response = await session.request({ method: "GET", path: "", expect: [200], what });
    await response.discard();
  });
  const { wasAsked, hasUsedCredentials, remark } = await session.authentication();
  if (!wasAsked) return "not asked";
  if (hasUsedCredentials) return "accepted";
  throw new TsmanError("REGISTRY_AUTH", `${what}: ${remark ?? "it was shown no credentials"}`, {
    hint: "credentials go to the registry's own domain only",
    details: { registry: session.registry },
  });
}
