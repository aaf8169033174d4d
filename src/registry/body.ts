import { TsmanError } from "../errors/index.ts";
import { printable } from "./failure.ts";
import type { HttpResponse } from "./transport.ts";

/**
 * Reads a whole body into memory, never more than `maxBytes` of it.
 *
 * @throws TsmanError REGISTRY_RESPONSE for a larger body or one that was packed on the way
 */
export async function readBody(
  response: HttpResponse,
  maxBytes: number,
  what: string,
): Promise<Buffer> {
  await requirePlainEncoding(response, what);
  const promised = contentLength(response);
  if (promised !== undefined && promised > maxBytes) {
    await response.discard();
    throw tooLarge(what, maxBytes, response);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > maxBytes) {
      await response.discard();
      throw tooLarge(what, maxBytes, response);
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, length);
}

/**
 * The first bytes of a body that nobody needs whole: an error page.  A failure to read is no news
 * here, since an error is being reported already.
 */
export async function readExcerpt(response: HttpResponse, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= maxBytes) break;
    }
  } catch {
    // What has arrived must do.
  }
  await response.discard();
  return Buffer.concat(chunks).subarray(0, maxBytes).toString("utf8");
}

/**
 * Refuses a body with a Content-Encoding: we asked for none, and digests are of the bytes as they
 * are, so unpacking what somebody packed on the way only opens a door (case S58).
 *
 * @throws TsmanError REGISTRY_RESPONSE
 */
export async function requirePlainEncoding(response: HttpResponse, what: string): Promise<void> {
  const encoding = response.headers("content-encoding").join(", ").trim();
  if (encoding === "" || encoding.toLowerCase() === "identity") return;
  await response.discard();
  throw new TsmanError(
    "REGISTRY_RESPONSE",
    `${what}: ${response.url.host} sends it with Content-Encoding ${printable(encoding, 40)}, though asked for none`,
    { hint: "a proxy before the registry packs answers: switch that off for /v2/" },
  );
}

/** The Content-Length header as a number; undefined if there is none that makes sense. */
export function contentLength(response: HttpResponse): number | undefined {
  const header = response.header("content-length");
  if (header === undefined || !/^\d{1,15}$/.test(header)) return undefined;
  return Number(header);
}

function tooLarge(what: string, maxBytes: number, response: HttpResponse): TsmanError {
  return new TsmanError(
    "REGISTRY_RESPONSE",
    `${what}: ${response.url.host} sends more than the ${maxBytes} bytes allowed`,
    { details: { host: response.url.host, maxBytes } },
  );
}
