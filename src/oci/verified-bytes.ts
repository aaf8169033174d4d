import { createHash } from "node:crypto";
import { TsmanError } from "../errors/index.ts";
import type { Descriptor } from "./descriptor.ts";
import { digestFromHex } from "./digest.ts";

/**
 * Passes the bytes of a blob on and, instead of ending, throws when they are not what its
 * descriptor promises.  More bytes than promised are not passed on.
 *
 * @param what for messages: `read blob of oci:./images`
 * @throws TsmanError SIZE_MISMATCH, DIGEST_MISMATCH; what `bytes` throws
 */
export async function* verifiedBytes(
  bytes: AsyncIterable<Uint8Array>,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let count = 0;
  for await (const chunk of bytes) {
    count += chunk.length;
    if (count > size) throw wrongSize(what, digest, size, `more than ${size}`);
    hash.update(chunk);
    yield chunk;
  }
  if (count < size) throw wrongSize(what, digest, size, String(count));
  const actual = digestFromHex(hash.digest("hex"));
  if (actual === digest) return;
  throw new TsmanError("DIGEST_MISMATCH", `${what} ${digest}: its bytes have digest ${actual}`, {
    hint: "it was damaged or changed there: get the image anew",
    details: { expected: digest, actual },
  });
}

/**
 * The same as one buffer, of a blob that is small.
 *
 * @throws TsmanError as {@link verifiedBytes}; SIZE_MISMATCH before anything is read when the
 *   descriptor promises more than `maxBytes`
 */
export async function readVerifiedBytes(
  open: () => AsyncIterable<Uint8Array>,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  { what, maxBytes }: { readonly what: string; readonly maxBytes: number },
): Promise<Buffer> {
  if (size > maxBytes) {
    throw new TsmanError(
      "SIZE_MISMATCH",
      `${what} ${digest}: its descriptor promises ${size} bytes, ${maxBytes} are allowed`,
      { details: { size } },
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of verifiedBytes(open(), { digest, size }, what)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function wrongSize(what: string, digest: string, size: number, actual: string): TsmanError {
  return new TsmanError(
    "SIZE_MISMATCH",
    `${what} ${digest}: it has ${actual} bytes, ${size} were promised`,
    { hint: "it was damaged or changed there: get the image anew", details: { size } },
  );
}
