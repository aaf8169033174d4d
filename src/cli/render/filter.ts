import { invalidValue } from "../usage-error.ts";

/** A `--filter` taken apart. */
export interface Filter {
  readonly key: string;
  /** For `label!=x`. */
  readonly isNegated: boolean;
  readonly value: string;
}

/** Reads `KEY=VALUE` filters. */
export function parseFilters(
  texts: readonly string[],
  known: readonly string[],
): readonly Filter[] {
  return texts.map((text) => {
    const match = /^([a-z-]+)(!?)=(.*)$/s.exec(text);
    const key = match?.[1] ?? "";
    if (match === null || !known.includes(key)) {
      const why = match === null ? "not KEY=VALUE" : `no filter ${JSON.stringify(key)}`;
      throw invalidValue("--filter", text, why, `use one of: ${known.join(", ")}`);
    }
    return { key, isNegated: match[2] === "!", value: match[3] ?? "" };
  });
}

/**
 * Whether something passes: filters of one key are alternatives, keys must all agree; labels, as
 * with Podman, must all agree among themselves too.
 */
export function passes(filters: readonly Filter[], matches: (filter: Filter) => boolean): boolean {
  const result = (filter: Filter): boolean => matches(filter) !== filter.isNegated;
  const byKey = Map.groupBy(filters, ({ key }) => key);
  return [...byKey].every(([key, group]) =>
    key === "label" ? group.every(result) : group.some(result),
  );
}

/** `label=KEY` or `label=KEY=VALUE`; `*` stands for anything in either. */
export function matchesLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const key = equals < 0 ? wanted : wanted.slice(0, equals);
  const value = equals < 0 ? undefined : wanted.slice(equals + 1);
  if (!wanted.includes("*")) {
    return Object.hasOwn(labels, key) && (value === undefined || labels[key] === value);
  }
  const keys = globPattern(key);
  const values = globPattern(value ?? "*");
  return Object.entries(labels).some(([name, text]) => keys.test(name) && values.test(text));
}

/** A shell's pattern with `*` and `?`, over the whole text. */
export function globPattern(pattern: string): RegExp {
  const body = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${body}$`, "s");
}
