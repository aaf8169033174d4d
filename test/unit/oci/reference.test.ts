import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isTsmanError, type TsmanError } from "../../../src/errors/index.ts";
import { familiarName, formatReference, parseReference } from "../../../src/oci/reference.ts";

const digest = `sha256:${"ab".repeat(32)}`;

describe("normal form", () => {
  test.each([
    ["alpine", "docker.io/library/alpine:latest"],
    ["alpine:3.20", "docker.io/library/alpine:3.20"],
    ["user/tool", "docker.io/user/tool:latest"],
    ["docker.io/alpine", "docker.io/library/alpine:latest"],
    ["index.docker.io/alpine", "docker.io/library/alpine:latest"],
    ["quay.io/a/b/c:1", "quay.io/a/b/c:1"],
    ["localhost/busybox", "localhost/busybox:latest"],
    ["localhost:5000/x", "localhost:5000/x:latest"],
    ["registry:5000/x/y:z", "registry:5000/x/y:z"],
    ["127.0.0.1:5000/x", "127.0.0.1:5000/x:latest"],
    ["[::1]:5000/x", "[::1]:5000/x:latest"],
    ["[2001:db8::1]/x", "[2001:db8::1]/x:latest"],
    ["Registry.Example/x", "registry.example/x:latest"],
    [`alpine@${digest}`, `docker.io/library/alpine@${digest}`],
    [`localhost:5000/x:1@${digest}`, `localhost:5000/x:1@${digest}`],
    ["a__b/c-d/e.f/g---h", "docker.io/a__b/c-d/e.f/g---h:latest"],
    ["x:V1.2_3-4", "docker.io/library/x:V1.2_3-4"],
  ])("%s means %s", (written, normal) => {
    expect(formatReference(parseReference(written))).toBe(normal);
  });

  test("a digest needs no tag, and a tag beside it is kept", () => {
    expect(parseReference(`a@${digest}`)).toEqual({
      registry: "docker.io",
      repository: "library/a",
      digest,
    });
    expect(parseReference(`a:1@${digest}`).tag).toBe("1");
  });
});

describe("malformed references", () => {
  test.each([
    ["Alpine", "'A'", 1],
    ["alpine:la test", "U+0020", 10],
    ["docker.io/lib\r\nX:", "U+000D", 14],
    ["a?b", "'?'", 2],
    ["a#b", "'#'", 2],
    ["a%2f..", "'%'", 2],
    ["a/../b", "'.'", 3],
    ["a//b", "'/'", 3],
    ["/a", "'/'", 1],
    ["-a", "'-'", 1],
    ["a___b", "'_'", 4],
    ["a..b", "'.'", 3],
    ["a:b:c", "':'", 4],
    ["a:.b", "'.'", 3],
    ["a:-b", "'-'", 3],
    ["exämple.com/x", "U+00E4", 3],
    ["host:50x0/a", "'x'", 8],
    ["host:/a", "'/'", 6],
    ["ho_st.com/a", "'_'", 3],
    ["-host.com/a", "'-'", 1],
    ["host-.com/a", "'-'", 5],
    ["[::g]/a", "'g'", 4],
    ["a\u0000b", "U+0000", 2],
    ["😀", "U+1F600", 1],
  ])("%j is refused, naming %s at position %i", (text, character, position) => {
    const error = failureOf(text);
    expect(error.code).toBe("REFERENCE_INVALID");
    expect(error.message).toContain(`character ${character} at position ${position} `);
    expect(error.details.position).toBe(position);
  });

  test.each([
    ["", "it is empty"],
    ["a:", "it ends where a tag is expected"],
    ["a/", "it ends where a name is expected"],
    ["a-", "it ends where a name is expected"],
    ["docker://alpine", "it starts with docker://"],
    ["https://quay.io/a", "it starts with https://"],
    ["a@", "its digest is wrong"],
    ["a@sha256:../../x", "its digest is wrong"],
    [`a@${digest}x`, "its digest is wrong"],
    [`a@${digest.toUpperCase()}`, "its digest is wrong"],
    [`a@sha512:${"a".repeat(128)}`, "sha512 is not supported"],
    ["host:0/a", "port 0"],
    ["host:65536/a", "port 65536"],
    ["a".repeat(256), "characters, 255 are the limit"],
    [`a:${"t".repeat(129)}`, "129 characters long, 128 are the limit"],
    ["a".repeat(2000), "2000 characters long"],
  ])("%j is refused: %s", (text, why) => {
    const error = failureOf(text);
    expect(error.code).toBe("REFERENCE_INVALID");
    expect(error.message).toContain(why);
  });

  test("an upper-case name is told to be lower case", () => {
    expect(failureOf("Alpine").hint).toContain("lower case");
  });
});

test("the familiar name of an image of Docker Hub leaves out what goes without saying", () => {
  expect(familiarName(parseReference("alpine"))).toBe("alpine:latest");
  expect(familiarName(parseReference("user/tool:1"))).toBe("user/tool:1");
  expect(familiarName(parseReference("quay.io/a/b"))).toBe("quay.io/a/b:latest");
  expect(familiarName(parseReference(`a@${digest}`))).toBe(`a@${digest}`);
});

describe("properties", () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const component = fc
    .array(fc.tuple(word, fc.constantFrom(".", "_", "__", "-", "---")), {
      minLength: 1,
      maxLength: 3,
    })
    .map((parts) => parts.map(([text, separator]) => text + separator).join(""))
    .chain((start) => word.map((end) => start + end));
  const registry = fc.constantFrom(
    undefined,
    "localhost",
    "localhost:5000",
    "quay.io",
    "a-b.example:65535",
    "10.0.0.1:1",
    "[fe80::1]:80",
  );
  const written = fc
    .tuple(
      registry,
      fc.array(component, { minLength: 1, maxLength: 4 }),
      fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}$/)),
      fc.option(fc.constant(digest)),
    )
    .map(([host, path, tag, pin]) =>
      [
        host === undefined ? "" : `${host}/`,
        path.join("/"),
        tag === null ? "" : `:${tag}`,
        pin === null ? "" : `@${pin}`,
      ].join(""),
    );

  test("what the grammar allows is read, and written and read again it is the same", () => {
    fc.assert(
      fc.property(written, (text) => {
        let reference: ReturnType<typeof parseReference>;
        try {
          reference = parseReference(text);
        } catch (error) {
          // A component with a separator may not be a registry, though it stands where one would.
          if (/^[^/]*[_.][^/]*\//.test(text)) return;
          throw error;
        }
        expect(parseReference(formatReference(reference))).toEqual(reference);
        expect(parseReference(familiarName(reference))).toEqual(reference);
      }),
      { numRuns: 500 },
    );
  });

  test("any text gives a reference that is safe in a URL, or a TsmanError and nothing else", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string(),
      fc.stringMatching(/^[a-zA-Z0-9.:/@_%#?[\]\s-]{0,80}$/),
    );
    fc.assert(
      fc.property(text, (value) => {
        try {
          const { registry, repository, tag, digest: pin } = parseReference(value);
          expect(registry).toMatch(/^([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/);
          expect(repository).toMatch(/^[a-z0-9]+([._-]+[a-z0-9]+|\/[a-z0-9]+)*$/);
          if (tag !== undefined) expect(tag).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/);
          expect(tag ?? pin).toBeDefined();
        } catch (error) {
          if (!isTsmanError(error, "REFERENCE_INVALID")) throw error;
          expect(error.message).toMatch(/^[\x20-\x7e…]{1,900}$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function failureOf(text: string): TsmanError {
  try {
    parseReference(text);
  } catch (error) {
    if (isTsmanError(error)) return error;
    throw error;
  }
  throw new Error(`${text} was taken for a reference`);
}
