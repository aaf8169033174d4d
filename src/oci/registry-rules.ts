import { TsmanError } from "../errors/index.ts";
import { formatReference, parseLocation, type Reference } from "./reference.ts";

/** What is configured for a part of the name space: `[[registry]]`, containers-registries.conf(5). */
export interface RegistryRule {
  /** `host[:port][/path]`, a full reference, or `*.host`. */
  readonly prefix: string;
  /** What the prefix is replaced with; missing: nothing is replaced. */
  readonly location?: string | undefined;
  /** Certificates are not checked, and it may speak plain http. */
  readonly insecure?: boolean | undefined;
  readonly blocked?: boolean | undefined;
  /** Asked before the registry itself, in this order. */
  readonly mirrors?: readonly MirrorRule[] | undefined;
}

/** `[[registry.mirror]]`. */
export interface MirrorRule {
  readonly location: string;
  readonly insecure?: boolean | undefined;
  /** Missing: all. */
  readonly pullFrom?: MirrorUse | undefined;
}

/** `pull-from-mirror`: for which references a mirror is asked. */
export type MirrorUse = "all" | "digest-only" | "tag-only";

/** A place that may have what a reference means. */
export interface RegistryAttempt {
  /** Under the name that it has there. */
  readonly reference: Reference;
  /** Certificates need not be checked. */
  readonly insecure: boolean;
  readonly isMirror: boolean;
}

/**
 * Where to pull a reference from: the mirrors of the rule that fits it best, then the registry
 * itself, at the location that the rule gives.  Never empty; the last one is no mirror.
 *
 * @throws TsmanError REGISTRY_DENIED for what is blocked
 */
export function pullAttempts(
  reference: Reference,
  rules: readonly RegistryRule[],
): readonly RegistryAttempt[] {
  const rule = findRule(reference, rules);
  const use = reference.digest === undefined ? "tag-only" : "digest-only";
  const mirrors = (rule?.mirrors ?? [])
    .filter(({ pullFrom = "all" }) => pullFrom === "all" || pullFrom === use)
    .map(({ location, insecure = false }) => ({
      reference: relocate(reference, rule?.prefix ?? "", location),
      insecure,
      isMirror: true,
    }));
  return [...mirrors, registryAttempt(reference, rules)];
}

/**
 * Where to push a reference to, or to ask the registry itself: never a mirror.
 *
 * @throws TsmanError REGISTRY_DENIED for what is blocked
 */
export function registryAttempt(
  reference: Reference,
  rules: readonly RegistryRule[],
): RegistryAttempt {
  const rule = findRule(reference, rules);
  if (rule?.blocked === true) {
    throw new TsmanError(
      "REGISTRY_DENIED",
      `reach ${formatReference(reference)}: the configuration blocks ${rule.prefix}`,
      { hint: "see where: tsman config show", details: { prefix: rule.prefix } },
    );
  }
  return {
    reference:
      rule?.location === undefined ? reference : relocate(reference, rule.prefix, rule.location),
    insecure: rule?.insecure ?? false,
    isMirror: false,
  };
}

/** The rule with the longest prefix that fits. */
function findRule(reference: Reference, rules: readonly RegistryRule[]): RegistryRule | undefined {
  let best: RegistryRule | undefined;
  for (const rule of rules) {
    if (!prefixFits(reference, rule.prefix)) continue;
    if (best === undefined || rule.prefix.length > best.prefix.length) best = rule;
  }
  return best;
}

/**
 * Whether a reference lies within a prefix: `host[:port]`, `host[:port]/path`, a full reference, or
 * `*.host`, which means every subdomain.  A name ends at a slash, so that `example.com/a` does not
 * speak for `example.com/ab`; a host ends with its port, so that `example.com` does not speak for
 * `example.com:5000`, which somebody else may run.
 */
export function prefixFits(
  { registry, repository, tag, digest }: Reference,
  prefix: string,
): boolean {
  if (prefix.startsWith("*.")) return registry.endsWith(prefix.slice(1));
  const name = `${registry}/${repository}`;
  return (
    registry === prefix ||
    name === prefix ||
    name.startsWith(`${prefix}/`) ||
    (tag !== undefined && `${name}:${tag}` === prefix) ||
    (digest !== undefined && `${name}@${digest}` === prefix)
  );
}

function relocate(reference: Reference, prefix: string, location: string): Reference {
  const { registry, path } = parseLocation(location);
  const slash = prefix.indexOf("/");
  const covered = slash === -1 ? "" : prefix.slice(slash + 1);
  // What the prefix covers of the repository; one with a tag or digest is longer than all of it.
  const rest =
    covered === "" ? reference.repository : reference.repository.slice(covered.length + 1);
  const repository = [path, rest].filter((part) => part !== "").join("/");
  if (repository === "") {
    throw new TsmanError(
      "CONFIG_INVALID",
      `reach ${formatReference(reference)}: the location ${location} of ${prefix} names no repository`,
      { hint: `write location = "${location}/NAME"` },
    );
  }
  return { ...reference, registry, repository };
}
