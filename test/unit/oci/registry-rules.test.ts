import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatReference, parseReference } from "../../../src/oci/reference.ts";
import {
  prefixFits,
  pullAttempts,
  type RegistryRule,
  registryAttempt,
} from "../../../src/oci/registry-rules.ts";

const digest = `sha256:${"a".repeat(64)}`;

/** Where a name is looked for under these rules, "!" for insecure. */
function places(text: string, rules: readonly RegistryRule[]): string[] {
  return pullAttempts(parseReference(text), rules).map(
    ({ reference, insecure }) => formatReference(reference) + (insecure ? "!" : ""),
  );
}

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
const host = fc.array(label, { minLength: 2, maxLength: 3 }).map((parts) => parts.join("."));
const path = fc.array(label, { minLength: 2, maxLength: 4 }).map((parts) => parts.join("/"));
const reference = fc
  .record({ host, path, tag: label })
  .map(({ host: at, path: name, tag }) => parseReference(`${at}/${name}:${tag}`));
const rule: fc.Arbitrary<RegistryRule> = fc.record(
  {
    prefix: fc.oneof(
      host,
      host.map((name) => `*.${name}`),
      fc.tuple(host, path).map((parts) => parts.join("/")),
    ),
    location: fc.tuple(host, path).map((parts) => parts.join("/")),
    insecure: fc.boolean(),
    mirrors: fc.array(
      fc.record({
        location: fc.oneof(
          host,
          fc.tuple(host, path).map((parts) => parts.join("/")),
        ),
        insecure: fc.boolean(),
        pullFrom: fc.constantFrom("all" as const, "digest-only" as const, "tag-only" as const),
      }),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ["prefix"] },
);

describe("where an image is pulled from", () => {
  it("is the registry that its name says, if nothing is configured", () => {
    expect(places("alpine", [])).toEqual(["docker.io/library/alpine:latest"]);
    expect(places(`quay.io/a/b@${digest}`, [])).toEqual([`quay.io/a/b@${digest}`]);
  });

  it("is each mirror in order, then the registry", () => {
    const rules = [
      {
        prefix: "docker.io",
        insecure: false,
        mirrors: [{ location: "mirror.lan:5000/hub", insecure: true }, { location: "b.example" }],
      },
    ];
    expect(places("alpine:3", rules)).toEqual([
      "mirror.lan:5000/hub/library/alpine:3!",
      "b.example/library/alpine:3",
      "docker.io/library/alpine:3",
    ]);
  });

  it("is a mirror for tags or digests only if it is one for those", () => {
    const mirrors = [
      { location: "tags.example", pullFrom: "tag-only" as const },
      { location: "digests.example", pullFrom: "digest-only" as const },
    ];
    const rules = [{ prefix: "quay.io", mirrors }];
    expect(places("quay.io/a/b:1", rules)).toEqual(["tags.example/a/b:1", "quay.io/a/b:1"]);
    expect(places(`quay.io/a/b@${digest}`, rules)).toEqual([
      `digests.example/a/b@${digest}`,
      `quay.io/a/b@${digest}`,
    ]);
  });

  it("follows the rule with the longest prefix", () => {
    const rules = [
      { prefix: "example.com", location: "short.example" },
      { prefix: "example.com/team", location: "long.example/x" },
      { prefix: "example.com/team/tool:1", location: "exact.example/tool" },
    ];
    expect(places("example.com/other/a", rules)).toEqual(["short.example/other/a:latest"]);
    expect(places("example.com/team/a", rules)).toEqual(["long.example/x/a:latest"]);
    expect(places("example.com/team/tool:1", rules)).toEqual(["exact.example/tool:1"]);
    expect(places("example.com/team/tool:2", rules)).toEqual(["long.example/x/tool:2"]);
  });

  it("replaces the whole host where the prefix means every subdomain", () => {
    const rules = [{ prefix: "*.example.com", location: "all.example" }];
    expect(places("a.b.example.com/x/y", rules)).toEqual(["all.example/x/y:latest"]);
    expect(places("example.com/x/y", rules)).toEqual(["example.com/x/y:latest"]);
    expect(places("badexample.com/x/y", rules)).toEqual(["badexample.com/x/y:latest"]);
  });

  it("is nowhere for what is blocked, its mirrors included", () => {
    const rules = [{ prefix: "evil.example", blocked: true, mirrors: [{ location: "m.example" }] }];
    expect(() => places("evil.example/a", rules)).toThrow(/the configuration blocks evil\.example/);
    expect(() => registryAttempt(parseReference("evil.example/a"), rules)).toThrow(/blocks/);
  });

  it("ends at the registry itself, keeps tag and digest, and has no mirrors for a push", () => {
    fc.assert(
      fc.property(reference, fc.array(rule, { maxLength: 5 }), (from, rules) => {
        const attempts = pullAttempts(from, rules);
        const last = attempts.at(-1);
        expect(last).toEqual(registryAttempt(from, rules));
        expect(last?.isMirror).toBe(false);
        expect(attempts.slice(0, -1).every(({ isMirror }) => isMirror)).toBe(true);
        for (const { reference: to } of attempts) {
          expect([to.tag, to.digest]).toEqual([from.tag, from.digest]);
          // What comes out can be read back: nothing got lost or doubled on the way.
          expect(parseReference(formatReference(to))).toEqual(to);
        }
      }),
    );
  });
});

describe("a prefix", () => {
  it("fits whole parts of a name only", () => {
    fc.assert(
      fc.property(reference, label, (from, more) => {
        const name = `${from.registry}/${from.repository}`;
        expect(prefixFits(from, name)).toBe(true);
        expect(prefixFits(from, from.registry)).toBe(true);
        expect(prefixFits(from, name.slice(0, name.lastIndexOf("/")))).toBe(true);
        expect(prefixFits(from, `${name}${more}`)).toBe(false);
        expect(prefixFits({ ...from, repository: `${from.repository}${more}` }, name)).toBe(false);
        expect(prefixFits({ ...from, registry: `${from.registry}:5000` }, from.registry)).toBe(
          false,
        );
      }),
    );
  });
});
