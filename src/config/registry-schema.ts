import * as z from "zod/mini";
import { isTsmanError } from "../errors/index.ts";
import { parseLocation, parseReference } from "../oci/reference.ts";
import type { RegistryRule } from "../oci/registry-rules.ts";

/** A check of a text by a parser that throws a TsmanError. */
function parsed(parse: (text: string) => unknown) {
  return z.string().check((payload) => {
    try {
      parse(payload.value);
    } catch (error) {
      if (!isTsmanError(error)) throw error;
      const message = error.message.replace(/^read image reference /, "");
      payload.issues.push({
        code: "custom",
        message: `is wrong: ${message}`,
        input: payload.value,
      });
    }
  });
}

const location = parsed(parseLocation);
const host = location.check(
  z.refine((text) => !text.includes("/"), { error: "should be a registry without a path" }),
);
const prefix = parsed((text) => {
  if (text.startsWith("*.")) return parseLocation(text.slice(2));
  const isExact = text.includes("@") || text.lastIndexOf(":") > text.lastIndexOf("/");
  return text.includes("/") && isExact ? parseReference(text) : parseLocation(text);
});
const alias = z.string().check((payload) => {
  const text = payload.value;
  // An empty one takes an alias of another file away.
  if (text === "") return;
  try {
    parseReference(text);
    if (text.includes("@") || text.lastIndexOf(":") > text.lastIndexOf("/")) {
      payload.issues.push({
        code: "custom",
        message: "should have no tag and no digest",
        input: text,
      });
    } else if (!/^(?:localhost|[^/]*[.:][^/]*)\//.test(text)) {
      payload.issues.push({ code: "custom", message: "should start with a registry", input: text });
    }
  } catch (error) {
    if (!isTsmanError(error)) throw error;
    payload.issues.push({ code: "custom", message: `is wrong: ${error.message}`, input: text });
  }
});
const mirrorUse = z.enum(["all", "digest-only", "tag-only"], {
  error: 'should be "all", "digest-only" or "tag-only"',
});

const mirrorShape = {
  location,
  insecure: z.optional(z.boolean()),
  "pull-from-mirror": z.optional(mirrorUse),
};
const registryShape = {
  prefix: z.optional(prefix),
  location: z.optional(location),
  insecure: z.optional(z.boolean()),
  blocked: z.optional(z.boolean()),
  "mirror-by-digest-only": z.optional(z.boolean()),
};

/** A registry without both is a table that says nothing of any registry. */
const names = z.refine<{ prefix?: string | undefined; location?: string | undefined }>(
  (registry) => registry.prefix !== undefined || registry.location !== undefined,
  { error: "should have a prefix or a location" },
);

const shortNameShape = {
  "unqualified-search-registries": z.optional(z.array(host)),
  "short-name-mode": z.optional(
    z.enum(["enforcing", "permissive", "disabled"], {
      error: 'should be "enforcing", "permissive" or "disabled"',
    }),
  ),
  aliases: z.optional(z.record(z.string(), alias)),
};

/** What config.toml has in common with registries.conf; unknown keys are refused. */
export const strictRegistryShape = {
  ...shortNameShape,
  registry: z.optional(
    z.array(
      z
        .strictObject({
          ...registryShape,
          mirror: z.optional(z.array(z.strictObject(mirrorShape))),
        })
        .check(names),
    ),
  ),
};

/** registries.conf, version 2: other programs have settings of their own there. */
export const registriesConfSchema = z.object({
  ...shortNameShape,
  registry: z.optional(
    z.array(
      z
        .object({ ...registryShape, mirror: z.optional(z.array(z.object(mirrorShape))) })
        .check(names),
    ),
  ),
  /** Version 1. */
  registries: z.optional(z.unknown()),
});

type RegistryTable = NonNullable<z.infer<typeof registriesConfSchema>["registry"]>[number];

/** One `[[registry]]` as a rule. */
export function registryRule(table: RegistryTable): RegistryRule {
  const { prefix: written, location: where, insecure, blocked, mirror = [] } = table;
  const byDigest = table["mirror-by-digest-only"] === true;
  return {
    prefix: lowerHost(written ?? where ?? ""),
    ...(where !== undefined && written !== undefined && where !== written && { location: where }),
    ...(insecure !== undefined && { insecure }),
    ...(blocked !== undefined && { blocked }),
    mirrors: mirror.map((each) => ({
      location: each.location,
      ...(each.insecure !== undefined && { insecure: each.insecure }),
      pullFrom: each["pull-from-mirror"] ?? (byDigest ? "digest-only" : "all"),
    })),
  };
}

function lowerHost(text: string): string {
  const slash = text.indexOf("/");
  return slash === -1 ? text.toLowerCase() : text.slice(0, slash).toLowerCase() + text.slice(slash);
}
