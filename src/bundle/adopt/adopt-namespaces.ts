import { type RuntimeConfig, refused } from "../../oci/runtime-config.ts";
import type { Namespace } from "../../oci/runtime-spec.ts";
import type { AdoptionFacts } from "./adoption-facts.ts";

/**
 * `linux.namespaces`, each at most once, and what of mounts they allow.
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer
 */
export function adoptNamespaces({ linux, mounts }: RuntimeConfig): readonly Namespace[] {
  const seen = new Set<string>();
  const namespaces = (linux.namespaces ?? []).map((one, index): Namespace => {
    const pointer = `/linux/namespaces/${index}`;
    if (seen.has(one.type)) throw refused(pointer, `${one.type} stands twice`);
    seen.add(one.type);
    const type = one.type as Namespace["type"];
    if (one.path === undefined || one.path === "") return { type };
    if (!one.path.startsWith("/")) throw refused(`${pointer}/path`, "is no absolute path");
    return { type, path: one.path };
  });
  const mount = namespaces.find(({ type }) => type === "mount");
  if (mount === undefined) {
    throw refused("/linux/namespaces", "has no mount namespace, so the root could not be changed");
  }
  if (mount.path !== undefined && (mounts ?? []).length > 0) {
    throw refused("/mounts", "nothing can be mounted in a mount namespace that is joined");
  }
  return namespaces;
}

/** As native/plan-order.c has it: nobody may be there already who may trace them (CVE-2016-9962). */
export function refuseTraceableHooks(
  { hooks }: RuntimeConfig,
  namespaces: readonly Namespace[],
): void {
  if ((hooks?.createContainer ?? []).length === 0) return;
  const pid = namespaces.find(({ type }) => type === "pid");
  const joinsUser = namespaces.some(
    ({ type, path: joined }) => type === "user" && joined !== undefined,
  );
  if (pid?.path === undefined && (pid !== undefined || !joinsUser)) return;
  throw refused(
    "/hooks/createContainer",
    "would run where processes of others are that may trace it",
    "leave it out, or give the container a pid namespace of its own",
  );
}

/** namespaces(7): all kinds but the user one take the capability where they are made. */
export function refuseUnmakeable(namespaces: readonly Namespace[], facts: AdoptionFacts): void {
  const isMade = namespaces.some((one) => one.path === undefined);
  if (!isMade || facts.canMakeNamespaces) return;
  const remedy = "add one with its maps, as tsman-oci spec --rootless writes them";
  throw refused(
    "/linux/namespaces",
    `none is a user namespace, and CAP_SYS_ADMIN is missing: ${remedy}`,
  );
}
