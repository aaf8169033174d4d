import { parseMoment } from "../options/duration.ts";
import { matchesLabel, parseFilters, passes } from "./filter.ts";

/** What can be pruned: what it is labelled with, and how old it is. */
export interface PrunableObject {
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly createdAt: string;
}

/**
 * What the `--filter` of a prune keeps: `until=TIME`, `label=…`, `label!=…`.
 *
 * @throws TsmanError USAGE for another filter, and for a time that is none
 */
export function pruneFilter(texts: readonly string[]): (object: PrunableObject) => boolean {
  const filters = parseFilters(texts, ["until", "label"]);
  const moments = new Map(
    filters
      .filter(({ key }) => key === "until")
      .map((filter) => [filter, parseMoment(filter.value, "--filter until", Date.now()).getTime()]),
  );
  return ({ labels, createdAt }) =>
    passes(filters, (filter) => {
      const until = moments.get(filter);
      return until === undefined
        ? matchesLabel(labels, filter.value)
        : Date.parse(createdAt) < until;
    });
}
