import { TsmanError } from "../errors/index.ts";
import {
  completeReference,
  defaultRegistry,
  formatName,
  formatReference,
  parseReference,
  parseWritten,
  type Reference,
} from "./reference.ts";

/** How a name that names no registry gets one; containers-registries.conf(5). */
export interface ShortNameRules {
  /** `unqualified-search-registries`: where a name is looked for, in order. */
  readonly search: readonly string[];
  /** `[aliases]`: name as written, without tag, to full name. */
  readonly aliases: Readonly<Record<string, string>>;
  /** `enforcing`: a name that several registries might have is refused. */
  readonly mode: ShortNameMode;
}

/** `short-name-mode`. */
export type ShortNameMode = "enforcing" | "permissive" | "disabled";

/** As Docker does it. */
export const defaultShortNames: ShortNameRules = {
  search: [defaultRegistry],
  aliases: {},
  mode: "permissive",
};

/**
 * What a reference may mean to registries, in the order in which to try: itself if it names one;
 * else what its alias says; else the name at each registry of the search list.
 *
 * @throws TsmanError REFERENCE_INVALID, also for a short name that may not be completed
 */
export function pullCandidates(text: string, rules: ShortNameRules): readonly Reference[] {
  const written = parseWritten(text);
  if (written.registry !== undefined) return [parseReference(text)];
  const aliased = applyAlias(text, rules);
  if (aliased !== undefined) return [aliased];
  const candidates = rules.search.map((registry) => completeReference(text, written, registry));
  if (candidates.length === 0) {
    throw unclear(text, "it names no registry, and no registry is searched", written.path);
  }
  if (candidates.length > 1 && rules.mode === "enforcing") {
    const names = candidates.map(formatReference).join(", ");
    throw unclear(text, `it may mean ${names}, and short-name-mode is enforcing`, written.path);
  }
  return candidates;
}

/**
 * The full names under which an image may be in the local store, in the order in which to look:
 * as written if a registry is named; else `localhost/NAME:tag`, then those of {@link pullCandidates}.
 * With a digest, `NAME@sha256:…` (the tag does not matter then).
 *
 * @throws TsmanError REFERENCE_INVALID
 */
export function localNames(
  text: string,
  rules: ShortNameRules = defaultShortNames,
): readonly string[] {
  const written = parseWritten(text);
  const full =
    written.registry === undefined
      ? [
          completeReference(text, written, "localhost"),
          applyAlias(text, rules),
          ...rules.search.map((registry) => completeReference(text, written, registry)),
        ]
      : [parseReference(text)];
  const names = full
    .filter((reference) => reference !== undefined)
    .map(
      (reference) =>
        formatName(reference) +
        (reference.digest === undefined ? `:${reference.tag}` : `@${reference.digest}`),
    );
  return [...new Set(names)];
}

function applyAlias(text: string, { aliases }: ShortNameRules): Reference | undefined {
  const written = parseWritten(text);
  if (!Object.hasOwn(aliases, written.path)) return undefined;
  const { registry, repository } = parseReference(aliases[written.path] ?? "");
  const path = repository;
  return completeReference(text, { ...written, registry, path }, registry);
}

function unclear(text: string, why: string, path: string): TsmanError {
  return new TsmanError(
    "REFERENCE_INVALID",
    `read image reference ${JSON.stringify(text)}: ${why}`,
    {
      hint: `write the full name, or say what it means in config.toml: [aliases] "${path}" = "REGISTRY/${path}"`,
    },
  );
}
