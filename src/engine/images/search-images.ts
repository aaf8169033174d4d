import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { formatName, type Reference } from "../../oci/reference.ts";
import { registryAttempt } from "../../oci/registry-rules.ts";
import { listTags, searchRegistry } from "../../registry/search.ts";
import type { EngineContext } from "../context.ts";
import type { FoundImage, SearchOptions, TagList } from "../search-types.ts";
import { withCandidates } from "./pull-image.ts";
import { clientOptions } from "./registry-access.ts";

/** As `ImageSearchService.search`. */
export async function searchImages(
  context: EngineContext,
  text: string,
  options: SearchOptions,
): Promise<readonly FoundImage[]> {
  const { shortNames, registries } = await context.settings();
  const { registry, term } = splitTerm(text);
  const places = registry === undefined ? shortNames.search : [registry];
  if (places.length === 0) {
    throw new TsmanError("USAGE", `search ${text}: no registry is searched`, {
      hint: "name one before the term: quay.io/TERM",
    });
  }
  const limit = options.limit ?? 25;
  const failures: TsmanError[] = [];
  const found = await Promise.all(
    places.map(async (place): Promise<readonly FoundImage[]> => {
      try {
        const attempt = registryAttempt(anyOf(place), registries);
        const client = await clientOptions(context, attempt, options);
        const results = await searchRegistry({ ...client, repository: "" }, term, limit);
        return results.map((each) => ({ ...each, registry: place, name: `${place}/${each.name}` }));
      } catch (error) {
        if (!isTsmanError(error) || isTsmanError(error, "INTERRUPTED")) throw error;
        failures.push(error);
        return [];
      }
    }),
  );
  const [first] = failures;
  if (first !== undefined && failures.length === places.length) throw first;
  for (const failure of failures) options.onWarning?.(failure.message);
  return found.flat();
}

/** As `ImageSearchService.listTags`. */
export async function listImageTags(
  context: EngineContext,
  text: string,
  options: SearchOptions,
): Promise<TagList> {
  return await withCandidates(context, text, {}, async (reference) => {
    const { registries } = await context.settings();
    const attempt = registryAttempt(reference, registries);
    const client = await clientOptions(context, attempt, options);
    const tags = await listTags(client, options.limit ?? 25);
    return { name: formatName(reference), tags };
  });
}

/** A registry as a reference, for rules that are about all of it. */
function anyOf(registry: string): Reference {
  return { registry, repository: "search", tag: "latest" };
}

/** `quay.io/term`: the part before the first slash is a registry when it looks like one. */
function splitTerm(text: string): { readonly registry?: string; readonly term: string } {
  const match = /^((?:[\w-]+\.)*[\w-]+(?::\d{1,5})?|\[[\da-f:.]+\](?::\d{1,5})?)\/(.*)$/is.exec(
    text,
  );
  const [, registry = "", term = ""] = match ?? [];
  const isRegistry = /[.:[]/.test(registry) || registry === "localhost";
  return isRegistry ? { registry: registry.toLowerCase(), term } : { term: text };
}
