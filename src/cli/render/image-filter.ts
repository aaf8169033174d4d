import type { ImageSummary } from "../../engine/types.ts";
import { parseMoment } from "../options/duration.ts";
import { truthOf } from "../options/scalars.ts";
import { invalidValue } from "../usage-error.ts";
import { type Filter, globPattern, matchesLabel, parseFilters, passes } from "./filter.ts";

/** Whether an image passes; `all` is where `before` and `since` look for the other one. */
export type ImageFilter = (image: ImageSummary, all: readonly ImageSummary[]) => boolean;

/** What a value means, once for all images; throws for a value that can mean nothing. */
const matchers: Readonly<Record<string, (filter: Filter) => ImageFilter>> = {
  after: (filter) => besideOther(filter, (time, other) => time > other),
  before: (filter) => besideOther(filter, (time, other) => time < other),
  containers: (filter) => {
    // Podman's third word, for what other tools made: there is no such thing in a store of tsman's.
    if (filter.value === "external") return () => false;
    const wanted = truth(filter);
    return ({ containers }) => containers > 0 === wanted;
  },
  dangling: (filter) => {
    const wanted = truth(filter);
    return ({ names, kind }) => (names.length === 0 && kind !== "listed") === wanted;
  },
  digest: ({ value }) => {
    return ({ digest, repoDigests }) =>
      digest.startsWith(value) || repoDigests.some((name) => name.endsWith(`@${value}`));
  },
  id: ({ value }) => {
    return ({ id }) => hasId(id, value);
  },
  // Every image here was made to be used, but for those that stand behind a list.
  intermediate: (filter) => {
    const wanted = truth(filter);
    return ({ kind }) => (kind === "listed") === wanted;
  },
  label: ({ value }) => {
    return ({ labels }) => matchesLabel(labels, value);
  },
  manifest: (filter) => {
    const wanted = truth(filter);
    return ({ kind }) => (kind === "list") === wanted;
  },
  readonly: (filter) => {
    const wanted = truth(filter);
    return () => !wanted;
  },
  reference: ({ value }) => {
    return ({ names }) => names.some((name) => matchesReference(name, value));
  },
  since: (filter) => besideOther(filter, (time, other) => time > other),
  until: ({ value }) => {
    const until = parseMoment(value, "--filter until", Date.now()).getTime();
    return ({ createdAt }) => Date.parse(createdAt) < until;
  },
};

/**
 * What `tsman images --filter` keeps, with Podman's keys.
 *
 * @throws TsmanError USAGE for an unknown key, naming those there are, and for a value that can
 * mean nothing; the filter itself when `before` or `since` name no image.
 */
export function imageFilter(texts: readonly string[]): ImageFilter {
  const filters = parseFilters(texts, Object.keys(matchers));
  const compiled = new Map(
    filters.map((filter) => [
      filter,
      (matchers[filter.key] as (of: Filter) => ImageFilter)(filter),
    ]),
  );
  return (image, all) => passes(filters, (filter) => compiled.get(filter)?.(image, all) ?? false);
}

/** Built before or after another image. */
function besideOther(
  { key, value }: Filter,
  compare: (time: number, other: number) => boolean,
): ImageFilter {
  let other: number | undefined;
  return ({ createdAt }, all) => {
    other ??= Date.parse(findOther(key, value, all).createdAt);
    return compare(Date.parse(createdAt), other);
  };
}

function findOther(key: string, value: string, all: readonly ImageSummary[]): ImageSummary {
  const other =
    all.find(({ names }) => names.some((name) => matchesReference(name, value))) ??
    all.find(({ id }) => hasId(id, value));
  if (other !== undefined) return other;
  throw invalidValue(
    "--filter",
    `${key}=${value}`,
    "no such image",
    "name an image of tsman images",
  );
}

function hasId(id: string, wanted: string): boolean {
  const digits = wanted.replace(/^sha256:/, "");
  return digits !== "" && id.replace(/^sha256:/, "").startsWith(digits);
}

function truth({ key, value }: Filter): boolean {
  return truthOf(value, "--filter", key);
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
