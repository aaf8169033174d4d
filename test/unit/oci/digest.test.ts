import { expect, test } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import {
  digestHex,
  isDigest,
  parseDigest,
  sha256Digest,
  shortDigest,
} from "../../../src/oci/digest.ts";

const hex = "0123456789abcdef".repeat(4);

/** The error that a function throws. */
function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("sha256 and 64 lower-case hexadecimal digits are a digest", () => {
  expect(isDigest(`sha256:${hex}`)).toBe(true);
  expect(digestHex(parseDigest(`sha256:${hex}`))).toBe(hex);
  expect(shortDigest(parseDigest(`sha256:${hex}`))).toBe("0123456789ab");
});

test("the digest of no bytes is the well-known one", () => {
  expect(sha256Digest("")).toBe(
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
});

test.each([
  ["", "not of the form"],
  [hex, "not of the form"],
  [`:${hex}`, "not of the form"],
  ["sha256:", "0 hexadecimal digits instead of 64"],
  [`sha256:${hex}0`, "65 hexadecimal digits instead of 64"],
  [`sha256:${hex.toUpperCase()}`, '"A" is not a lower-case hexadecimal digit'],
  ["sha256:../../etc/passwd", '"." is not a lower-case hexadecimal digit'],
  [`sha256:${hex.slice(2)}\r\n`, '"\\r" is not a lower-case hexadecimal digit'],
  [`sha512:${hex}${hex}`, "algorithm sha512 is not supported"],
  [`md5:${hex.slice(32)}`, "algorithm md5 is not supported"],
  [`SHA256:${hex}`, "not of the form"],
])("%j is no digest, and the error says why (S55)", (text, why) => {
  expect(isDigest(text)).toBe(false);
  const error = thrown(() => parseDigest(text));
  expect(isTsmanError(error, "MANIFEST_INVALID")).toBe(true);
  expect(String(error)).toContain(why);
});

test("a message about a digest holds no control characters and stays short", () => {
  const error = thrown(() => parseDigest(`sha256:\u001b[31m${"é".repeat(10_000)}`));
  expect(String(error)).toMatch(/^[\x20-\x7e…]{1,900}$/);
});
