import process from "node:process";
import { describe, expect, test } from "vitest";
import { isTsmanError } from "../../src/errors/index.ts";
import { isDigest, parseDigest } from "../../src/oci/digest.ts";
import { parseImageConfig } from "../../src/oci/image-config.ts";
import { parseManifestOrIndex } from "../../src/oci/manifest.ts";
import { parsePlatform } from "../../src/oci/platform.ts";
import { parseReference } from "../../src/oci/reference.ts";
import { localNames } from "../../src/oci/short-names.ts";
import { parseChallenges } from "../../src/registry/challenge.ts";
import { printable } from "../../src/registry/failure.ts";
import { judgeRealm } from "../../src/registry/realm.ts";
import { parseRetryAfter } from "../../src/registry/retry.ts";

// Every text that comes from a user, an image or a registry is read in linear time (S102): what
// takes a megabyte must not take more than a moment, however it is made up.

const megabyte = 1_000_000;
/** Milliseconds; the case's limit. */
const limit = 50;

/** Texts on which careless patterns backtrack. */
const texts: readonly (readonly [string, string])[] = [
  ["one letter", "a".repeat(megabyte)],
  ["letters and hyphens", "a-".repeat(megabyte / 2)],
  ["hyphens and an end that fails", `${"a".repeat(9)}${"-".repeat(megabyte)}!`],
  ["underscores", `a${"_".repeat(megabyte)}`],
  ["dots", "a.".repeat(megabyte / 2)],
  ["slashes", "a/".repeat(megabyte / 2)],
  ["colons", ":".repeat(megabyte)],
  ["at signs", "@".repeat(megabyte)],
  ["brackets", "[".repeat(megabyte)],
  ["spaces", " ".repeat(megabyte)],
  ["commas and quotes", '",'.repeat(megabyte / 2)],
  ["equals signs", "a=".repeat(megabyte / 2)],
  ["backslashes", "\\".repeat(megabyte)],
  ["digits", "1".repeat(megabyte)],
  ["a digest that goes on", `sha256:${"a".repeat(megabyte)}`],
  ["an algorithm that goes on", `${"a+".repeat(megabyte / 2)}:ff`],
  ["control characters", "\u0000\r\n\u001b".repeat(megabyte / 4)],
  ["letters beyond ASCII", "é".repeat(megabyte)],
  ["half of a surrogate pair", "\ud800".repeat(megabyte)],
  ["braces", "{".repeat(megabyte)],
  ["a list in a list", `${"[".repeat(megabyte / 2)}${"]".repeat(megabyte / 2)}`],
  ["a string without end", `"${"\\".repeat(megabyte)}`],
];

const readers: readonly (readonly [string, (text: string) => unknown])[] = [
  ["parseReference", parseReference],
  ["localNames", (text) => localNames(text)],
  ["isDigest", isDigest],
  ["parseDigest", (text) => parseDigest(text)],
  ["parsePlatform", parsePlatform],
  ["parseChallenges", parseChallenges],
  ["parseRetryAfter", (text) => parseRetryAfter(text, 0)],
  ["printable", (text) => printable(text)],
  [
    "judgeRealm",
    (text) =>
      judgeRealm({
        registry: new URL("https://registry.example/"),
        realm: text.slice(0, 8192),
        trustedRealms: [],
      }),
  ],
  ["parseManifestOrIndex", (text) => parseManifestOrIndex(Buffer.from(text), undefined)],
  ["parseImageConfig", (text) => parseImageConfig(Buffer.from(text))],
];

/**
 * The least processor time that a call takes, in milliseconds. It is measured until
 * it is below `enough`, at most 20 times: neither a busy machine nor a pause of the garbage
 * collector is what is asked for.
 */
function leastTime(enough: number, call: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20 && least >= enough; round++) {
    const start = process.cpuUsage();
    call();
    // User and system are told apart by the clock's ticks alone; their sum is exact.
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

describe.each(readers)("%s", (_, read) => {
  test.each(texts)("reads or refuses a megabyte of %s in a moment (S60, S102)", (_what, text) => {
    const best = leastTime(limit, () => {
      try {
        read(text);
      } catch (error) {
        if (!isTsmanError(error)) throw error;
        expect(error.message.length).toBeLessThan(1000);
      }
    });
    expect(best).toBeLessThan(limit);
  });
});

test("a valid document of a megabyte is read in linear time", () => {
  const annotations = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, number) => [`key${number}`, `value \\ "${number}"`]),
  );
  const few = Object.fromEntries(Object.entries(annotations).slice(0, 1000));
  const time = (members: object, enough: number) => {
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [],
        annotations: members,
      }),
    );
    return leastTime(enough, () => parseManifestOrIndex(bytes, undefined));
  };
  // Twenty times the members take thirty to fifty times as long, since V8 keeps large objects in
  // another way than small ones; quadratic would be four hundred times.
  const bound = 150 * time(few, 0);
  expect(time(annotations, bound)).toBeLessThan(bound);
});

test.each([
  "docker.io/lib\r\nX: y",
  "docker.io/lib?x=y",
  "docker.io/lib#x",
  "docker.io/lib%2f..%2fetc",
  "docker.io/../../etc/passwd",
  "docker.io/lib/../../../v2/other/blobs",
  "user:password@docker.io/lib",
  "docker.io@evil.example/lib",
  "docker.io\\@evil.example/lib",
  "docker.io:443:80/lib",
  "dоcker.io/lib",
  "evil.example。/lib",
  "docker.io/ｌib",
  "docker.io/lib:tag/../../x",
  "docker.io/lib:..",
  "docker.io/lib@sha256:../../x",
  "[::1%25eth0]/lib",
  "[::1]evil.example/lib",
  "0x7f.1/lib name",
  " docker.io/lib",
  "docker.io/lib ",
  "docker.io/lib\u0000",
  "docker.io//lib",
])("the reference %j leads nowhere (S60)", (text) => {
  expect(() => parseReference(text)).toThrow(/^read image reference "/);
});
