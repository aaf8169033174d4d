import { describe, expect, it } from "vitest";
import { formatReference, isShortName } from "../../../src/oci/reference.ts";
import {
  defaultShortNames,
  localNames,
  pullCandidates,
  type ShortNameRules,
} from "../../../src/oci/short-names.ts";

const rules: ShortNameRules = {
  search: ["quay.io", "docker.io"],
  aliases: { tools: "registry.example/team/tools", "a/b": "docker.io/c/d" },
  mode: "permissive",
};

/** The names that a pull would try. */
function meanings(text: string, by: ShortNameRules): string[] {
  return pullCandidates(text, by).map(formatReference);
}

describe("a name without a registry", () => {
  it("is one of Docker's if nothing is configured", () => {
    expect(meanings("alpine", defaultShortNames)).toEqual(["docker.io/library/alpine:latest"]);
    expect(meanings("a/b:1", defaultShortNames)).toEqual(["docker.io/a/b:1"]);
    expect(isShortName("busybox")).toBe(true);
    expect(localNames("busybox")).toEqual([
      "localhost/busybox:latest",
      "docker.io/library/busybox:latest",
    ]);
    expect(localNames("a/b:1")).toEqual(["localhost/a/b:1", "docker.io/a/b:1"]);
  });

  it("is looked for at each registry of the list, in order", () => {
    expect(meanings("app:2", rules)).toEqual(["quay.io/app:2", "docker.io/library/app:2"]);
  });

  it("is what its alias says and nothing else", () => {
    expect(meanings("tools:7", rules)).toEqual(["registry.example/team/tools:7"]);
    expect(meanings("a/b", rules)).toEqual(["docker.io/c/d:latest"]);
    // An alias is for a whole name.
    expect(meanings("team/tools", rules)).toHaveLength(2);
  });

  it("is an image of this host first", () => {
    expect(localNames("tools", rules)).toEqual([
      "localhost/tools:latest",
      "registry.example/team/tools:latest",
      "quay.io/tools:latest",
      "docker.io/library/tools:latest",
    ]);
  });

  it("is refused where it is not clear and that is asked for", () => {
    expect(() => pullCandidates("app", { ...rules, mode: "enforcing" })).toThrow(
      /may mean quay\.io\/app:latest, docker\.io\/library\/app:latest/,
    );
    expect(meanings("tools", { ...rules, mode: "enforcing" })).toHaveLength(1);
    expect(() => pullCandidates("app", { ...rules, search: [] })).toThrow(
      /no registry is searched/,
    );
  });

  it("is not taken for a member that every object has", () => {
    expect(meanings("constructor", { ...rules, search: ["quay.io"] })).toEqual([
      "quay.io/constructor:latest",
    ]);
  });
});

describe("a name with a registry", () => {
  it("means itself, whatever is configured", () => {
    const strict = { ...rules, mode: "enforcing" as const };
    expect(meanings("docker.io/tools", strict)).toEqual(["docker.io/library/tools:latest"]);
    expect(isShortName("docker.io/busybox")).toBe(false);
    expect(localNames("docker.io/tools", strict)).toEqual(["docker.io/library/tools:latest"]);
    expect(localNames("localhost/tools", strict)).toEqual(["localhost/tools:latest"]);
  });

  it("is found by its digest alone", () => {
    const digest = `sha256:${"0".repeat(64)}`;
    expect(localNames(`quay.io/a:1@${digest}`)).toEqual([`quay.io/a@${digest}`]);
  });
});
