import type { PrunableObject } from "../../engine/types.ts";
import { parseMoment } from "../options/duration.ts";
import { matchesLabel, parseFilters, passes } from "./filter.ts";

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
