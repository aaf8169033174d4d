import type * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { parseDocument } from "../oci/document.ts";
import { readBody } from "./body.ts";
import type { Session } from "./session.ts";

/** Bytes of one page. */
const maxPageBytes = 8 * 1024 * 1024;
/** More pages are no list that anybody reads. */
const maxPages = 200;

/** What {@link fetchPages} asks for. */
export interface PageRequest<T> {
  /** As `ApiRequest.path`. */
  readonly path: string;
  /** Verb and object, for errors. */
  readonly what: string;
  readonly schema: z.ZodMiniType<T>;
}

/**
 * Fetches a list page by page, as far as the caller reads; distribution-spec, "Listing Tags": the
 * next page is where the Link header says, on the same registry.
 *
 * @throws TsmanError REGISTRY_*
 */
export async function* fetchPages<T>(
  session: Session,
  { path, what, schema }: PageRequest<T>,
): AsyncGenerator<T> {
  let next: string | URL = path;
  for (let page = 0; page < maxPages; page += 1) {
    const at = next;
    const { document, link, url } = await session.repeat(what, what, async () => {
      const response = await session.request({ method: "GET", path: at, expect: [200], what });
      const bytes = await readBody(response, maxPageBytes, what);
      return {
        document: parseDocument(schema, bytes, {
          what: `answer of ${session.name}`,
          code: "REGISTRY_RESPONSE",
          maxBytes: maxPageBytes,
        }),
        link: response.header("link"),
        url: response.url,
      };
    });
    yield document;
    const target = /^\s*<([^>]*)>\s*;.*\brel="?next"?/i.exec(link ?? "")?.[1];
    if (target === undefined) return;
    const own = await session.urlOf("/");
    if (!URL.canParse(target, url) || new URL(target, url).origin !== own.origin) {
      throw new TsmanError(
        "REGISTRY_RESPONSE",
        `${what}: its next page is said to be on another host`,
        { hint: "the registry, or a proxy before it, is set up wrongly or hostile" },
      );
    }
    next = new URL(target, url);
  }
}
