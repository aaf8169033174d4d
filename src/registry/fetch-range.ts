import { TsmanError } from "../errors/index.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseDigest, shortDigest } from "../oci/digest.ts";
import { readBody } from "./body.ts";
import { RetryableError } from "./failure.ts";
import type { Session } from "./session.ts";

/** Bytes `start` to `end` (not included) of a blob. */
export interface BlobRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Fetches a part of a blob into memory.  Nothing vouches for it: a digest is of the whole.
 *
 * @throws TsmanError REGISTRY_*, INTERRUPTED; REGISTRY_RESPONSE where the registry knows no ranges
 */
export async function fetchRange(
  session: Session,
  descriptor: Descriptor,
  range: BlobRange,
  signal?: AbortSignal,
): Promise<Buffer> {
  parseDigest(descriptor.digest, "digest of a blob");
  const what = `fetch a part of blob ${shortDigest(descriptor.digest)} of ${session.name}`;
  const retrier = session.retrier(descriptor.digest, signal);
  for (;;) {
    try {
      return await ask(session, descriptor, range, what, signal);
    } catch (error) {
      try {
        await retrier.waitAfter(error);
      } catch (last) {
        throw await session.reportable(last, what, signal);
      }
    }
  }
}

async function ask(
  session: Session,
  { digest, size }: Descriptor,
  { start, end }: BlobRange,
  what: string,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const response = await session.request({
    method: "GET",
    path: `blobs/${digest}`,
    headers: { range: `bytes=${start}-${end - 1}` },
    expect: [200, 206],
    what,
    signal,
  });
  try {
    const said = /^bytes (\d{1,15})-(\d{1,15})\/(?:(\d{1,15})|\*)$/.exec(
      response.header("content-range") ?? "",
    );
    const isAsked = Number(said?.[1]) === start && Number(said?.[2]) === end - 1;
    if (response.status !== 206 || !isAsked || Number(said?.[3] ?? size) !== size) {
      throw new TsmanError(
        "REGISTRY_RESPONSE",
        `${what}: ${response.url.host} answers with something else`,
      );
    }
    const bytes = await readBody(response, end - start, what);
    if (bytes.length === end - start) return bytes;
    throw new RetryableError(
      new TsmanError("SIZE_MISMATCH", `${what}: the connection ended too early`),
    );
  } finally {
    await response.discard();
  }
}
