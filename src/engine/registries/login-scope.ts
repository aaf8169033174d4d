import { defaultRegistry, parseLocation } from "../../oci/reference.ts";
import type { LoginScope } from "../../registry/stored-login.ts";
import type { EngineContext } from "../context.ts";

/**
 * What a login is for, as people write it: `quay.io`, `quay.io/team`, `https://index.docker.io/v1/`.
 *
 * @param text missing: the first registry that short names are looked for in
 * @throws TsmanError REFERENCE_INVALID
 */
export async function loginScope(
  context: EngineContext,
  text: string | undefined,
): Promise<LoginScope> {
  if (text === undefined) {
    const [first = defaultRegistry] = (await context.shortNames()).search;
    return { registry: first, path: "" };
  }
  // As a URL it may be that of the API, as in Docker's files.
  const bare = text.replace(/^https?:\/\/([^/]+)(?:\/v[12])?\/?$/, "$1").replace(/\/$/, "");
  const { registry, path } = parseLocation(bare);
  return { registry: hubNames.has(registry) ? defaultRegistry : registry, path };
}

/** What Docker calls its Hub besides docker.io. */
const hubNames: ReadonlySet<string> = new Set(["index.docker.io", "registry-1.docker.io"]);

/** The scope as people write it. */
export function formatScope({ registry, path }: LoginScope): string {
  return path === "" ? registry : `${registry}/${path}`;
}
