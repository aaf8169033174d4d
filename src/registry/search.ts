import * as z from "zod/mini";
import { isTsmanError } from "../errors/index.ts";
import { parseDocument } from "../oci/document.ts";
import { readBody } from "./body.ts";
import { fetchPages } from "./paged.ts";
import { Session } from "./session.ts";
import type { RegistryClientOptions } from "./settings.ts";

/** A repository that a search has found. */
export interface FoundRepository {
  /** Without its registry. */
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
  readonly isAutomated: boolean;
}

/** Bytes of a search's answer. */
const maxSearchBytes = 4 * 1024 * 1024;

/** Docker's first API, which Docker Hub, Quay and others still have. */
const searchSchema = z.object({
  results: z.array(
    z.object({
      name: z.string(),
      description: z.nullish(z.string()),
      star_count: z.nullish(z.number()),
      is_official: z.nullish(z.boolean()),
      is_automated: z.nullish(z.boolean()),
    }),
  ),
});

const catalogSchema = z.object({ repositories: z.nullish(z.array(z.string())) });
const tagsSchema = z.object({ tags: z.nullish(z.array(z.string())) });

/**
 * Searches a registry by Docker's first API, or, where there is none, by the names of all its
 * repositories.
 *
 * @param options of the registry, with an empty repository.
 * @throws TsmanError REGISTRY_*
 */
export async function searchRegistry(
  options: RegistryClientOptions,
  term: string,
  limit: number,
): Promise<readonly FoundRepository[]> {
  const isHub = options.registry === "docker.io";
  // Docker Hub's registry does not search; its index does.
  await using session = new Session({
    ...options,
    ...(isHub && { registry: "index.docker.io" }),
    repository: "",
  });
  const found = await searchIndex(session, term, limit, isHub);
  return found ?? (await searchCatalog(session, term, limit));
}

/** @returns undefined for a registry without this API */
async function searchIndex(
  session: Session,
  term: string,
  limit: number,
  mustExist: boolean,
): Promise<readonly FoundRepository[] | undefined> {
  const what = `search ${session.registry}`;
  const query = new URLSearchParams({ q: term, n: String(limit) });
  try {
    const { results } = await session.repeat(what, what, async () => {
      const response = await session.request({
        method: "GET",
        path: await session.urlOf(`/v1/search?${query}`),
        headers: { accept: "application/json" },
        expect: [200],
        what,
      });
      const bytes = await readBody(response, maxSearchBytes, what);
      return parseDocument(searchSchema, bytes, {
        what: `answer of ${session.registry}`,
        code: "REGISTRY_RESPONSE",
        maxBytes: maxSearchBytes,
      });
    });
    return results.slice(0, limit).map((each) => ({
      name: each.name,
      description: each.description ?? "",
      stars: each.star_count ?? 0,
      isOfficial: each.is_official ?? false,
      isAutomated: each.is_automated ?? false,
    }));
  } catch (error) {
    if (mustExist || !isTsmanError(error) || !absenceCodes.has(error.code)) throw error;
    return undefined;
  }
}

/** How registries say that they do not know a path; a web page is an answer, too. */
const absenceCodes: ReadonlySet<string> = new Set([
  "REGISTRY_NOT_FOUND",
  "REGISTRY_RESPONSE",
  "REGISTRY_AUTH",
  "REGISTRY_DENIED",
]);

async function searchCatalog(
  session: Session,
  term: string,
  limit: number,
): Promise<readonly FoundRepository[]> {
  const what = `list repositories of ${session.registry}`;
  const found: FoundRepository[] = [];
  const request = { path: "_catalog?n=1000", what, schema: catalogSchema };
  for await (const { repositories } of fetchPages(session, request)) {
    for (const name of repositories ?? []) {
      if (!name.includes(term)) continue;
      found.push({ name, description: "", stars: 0, isOfficial: false, isAutomated: false });
      if (found.length === limit) return found;
    }
  }
  return found;
}

/**
 * The tags of a repository, as its registry orders them.
 *
 * @throws TsmanError REGISTRY_*
 */
export async function listTags(
  options: RegistryClientOptions,
  limit: number,
): Promise<readonly string[]> {
  await using session = new Session(options);
  const what = `list tags of ${session.name}`;
  const found: string[] = [];
  const path = `tags/list?n=${Math.min(limit, 1000)}`;
  for await (const { tags } of fetchPages(session, { path, what, schema: tagsSchema })) {
    found.push(...(tags ?? []).slice(0, limit - found.length));
    if (found.length === limit) break;
  }
  return found;
}
