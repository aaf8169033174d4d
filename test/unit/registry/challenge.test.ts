import fc from "fast-check";
import { expect, test } from "vitest";
import { parseChallenges } from "../../../src/registry/challenge.ts";

/** As plain data. */
function read(header: string | string[]) {
  return parseChallenges(header).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
}

test("a Bearer challenge with commas and equals signs in its values is read", () => {
  const header =
    'Bearer realm="https://auth.example/token?a=b,c",service="registry",scope="repository:a/b:pull,push"';
  expect(read(header)).toEqual([
    [
      "bearer",
      {
        realm: "https://auth.example/token?a=b,c",
        service: "registry",
        scope: "repository:a/b:pull,push",
      },
    ],
  ]);
});

test("several challenges, in one header or in several, are all read", () => {
  const expected = [
    ["negotiate", {}],
    ["basic", { realm: "x y" }],
    ["bearer", { realm: "z" }],
  ];
  expect(read('Negotiate, Basic realm="x y", Bearer realm=z')).toEqual(expected);
  expect(read(["Negotiate", 'BASIC Realm="x y"', "bearer realm = z"])).toEqual(expected);
});

test("escaped quotes belong to the value", () => {
  expect(read('Basic realm="a\\"b\\\\c"')).toEqual([["basic", { realm: 'a"b\\c' }]]);
});

test("the first of two parameters of one name counts", () => {
  expect(read('Bearer realm="https://a",realm="http://evil"')).toEqual([
    ["bearer", { realm: "https://a" }],
  ]);
});

test("no header is no challenge, and neither is one that is absurdly long", () => {
  expect(parseChallenges(undefined)).toEqual([]);
  expect(parseChallenges(`Bearer realm="${"x".repeat(10_000)}"`)).toEqual([]);
});

test("any header is read without an error", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z =,"\\]{0,60}$/));
  fc.assert(
    fc.property(text, (header) => {
      for (const { scheme } of parseChallenges(header)) expect(scheme).toMatch(/^[!-~]+$/);
    }),
  );
});
