import type { ImageSummary } from "../../engine/types.ts";
import { invalidValue } from "../usage-error.ts";
import { type Filter, globPattern, matchesLabel, parseFilters, passes } from "./filter.ts";

const known = ["reference", "label", "dangling", "before", "since", "id", "digest"];

/** What `tsman images --filter` keeps. */
export function imageFilter(
  texts: readonly string[],
): (image: ImageSummary, all: readonly ImageSummary[]) => boolean {
  const filters = parseFilters(texts, known);
  return (image, all) => passes(filters, (filter) => matches(filter, image, all));
}

function matches(filter: Filter, image: ImageSummary, all: readonly ImageSummary[]): boolean {
  const { key, value } = filter;
  switch (key) {
    case "reference":
      return image.names.some((name) => matchesReference(name, value));
    case "label":
      return matchesLabel(image.labels, value);
    case "dangling":
      return (image.names.length === 0) === (value === "true" || value === "1");
    case "id":
      return image.id.replace(/^sha256:/, "").startsWith(value.replace(/^sha256:/, ""));
    case "digest":
      return image.digest.startsWith(value);
    default: {
      const other = all.find(
        ({ id, names }) =>
          id.replace(/^sha256:/, "").startsWith(value) ||
          names.some((name) => matchesReference(name, value)),
      );
      if (other === undefined) {
        throw invalidValue(
          "--filter",
          `${key}=${value}`,
          "no such image",
          "name an image of tsman images",
        );
      }
      const difference = Date.parse(image.createdAt) - Date.parse(other.createdAt);
      return key === "before" ? difference < 0 : difference > 0;
    }
  }
}

/** A pattern may leave out registry, path or tag: `alpine`, `library/alpine:*`. */
function matchesReference(name: string, pattern: string): boolean {
  const glob = globPattern(pattern);
  const colon = name.lastIndexOf(":");
  const parts = name.split("/");
  return parts.some((_, index) => {
    const tail = parts.slice(index).join("/");
    const cut = colon < 0 ? tail : tail.slice(0, tail.length - (name.length - colon));
    return glob.test(tail) || glob.test(cut);
  });
}
