import type { FoundImage, TagList } from "../../engine/search-types.ts";
import { invalidValue } from "../usage-error.ts";
import { parseFilters } from "./filter.ts";
import type { ListingRow, ListingStyle } from "./listing.ts";

/** As Podman cuts descriptions off. */
const descriptionLength = 44;

/** The columns of `search`. */
export function searchColumns(isCompatible: boolean): ListingStyle["columns"] {
  const columns = [
    ["NAME", "Name"],
    ["DESCRIPTION", "Description"],
  ] as const;
  if (!isCompatible) return columns;
  return [...columns, ["STARS", "Stars"], ["OFFICIAL", "Official"], ["AUTOMATED", "Automated"]];
}

/** The rows of `search`, with Podman's fields. */
export function searchRows(
  found: readonly FoundImage[],
  { isFull }: { readonly isFull: boolean },
): readonly ListingRow[] {
  return found.map((image) => {
    const line = image.description.replaceAll(/\s+/g, " ");
    const isLong = !isFull && line.length > descriptionLength;
    const fields = {
      Index: image.registry,
      Name: image.name,
      Description: isLong ? `${line.slice(0, descriptionLength)}...` : line,
      Stars: image.stars,
      Official: image.isOfficial ? "[OK]" : "",
      Automated: image.isAutomated ? "[OK]" : "",
      Tag: "",
    };
    return { fields, json: fields };
  });
}

/** The rows of `search --list-tags`; one document for the repository in JSON. */
export function tagRows({ name, tags }: TagList): readonly ListingRow[] {
  return tags.map((tag) => ({ fields: { Name: name, Tag: tag }, json: { Name: name, Tag: tag } }));
}

/** What `--filter` lets through: `stars=N`, `is-official`, `is-automated`. */
export function searchFilter(texts: readonly string[]): (image: FoundImage) => boolean {
  const tests = parseFilters(texts, ["stars", "is-official", "is-automated"]).map(
    ({ key, value }): ((image: FoundImage) => boolean) => {
      if (key === "stars") {
        if (!/^\d{1,9}$/.test(value)) {
          throw invalidValue("--filter", `stars=${value}`, "not a number", "write stars=10");
        }
        return ({ stars }) => stars >= Number(value);
      }
      if (value !== "true" && value !== "false") {
        const given = `${key}=${value}`;
        throw invalidValue("--filter", given, "neither true nor false", `write ${key}=true`);
      }
      const wanted = value === "true";
      return ({ isOfficial, isAutomated }) =>
        (key === "is-official" ? isOfficial : isAutomated) === wanted;
    },
  );
  return (image) => tests.every((test) => test(image));
}
