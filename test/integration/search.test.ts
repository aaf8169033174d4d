import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { freePorts } from "../support/free-port.ts";
import { registry as realRegistry, useStore } from "./support.ts";

const store = useStore();

let registry: FaultyRegistry;

beforeEach(async () => {
  registry = await startFaultyRegistry();
});

afterEach(async () => {
  await registry.close();
});

/** Has requests whose path begins so answered with JSON, and with headers. */
function answer(
  path: string,
  body: (url: URL) => unknown,
  headers: (url: URL) => Record<string, string> = () => ({}),
): void {
  const respond = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? "", registry.origin);
    response.writeHead(200, { "content-type": "application/json", ...headers(url) });
    response.end(JSON.stringify(body(url)));
  };
  registry.fault({
    when: ({ url }) => url.startsWith(path),
    action: { kind: "respond", respond },
  });
}

const results = [
  { name: "library/tool", description: "x".repeat(60), star_count: 12, is_official: true },
  { name: "me/tool", description: "mine\u001b[31m\n", star_count: 3, is_automated: true },
];

describe("a search", () => {
  it("asks Docker's first API, and shows what it says as Podman does", async () => {
    answer("/v1/search", (url) => ({
      results: results.slice(0, Number(url.searchParams.get("n"))),
    }));
    const format = "{{.Index}} {{.Name}} {{.Description}} {{.Stars}} {{.Official}}{{.Automated}}";
    const args = ["search", "--format", format, `${registry.host}/tool`];
    const { stdout } = await store().succeed(args);
    expect(stdout.split("\n").slice(0, 1)).toEqual([
      `${registry.host} ${registry.host}/library/tool ${"x".repeat(44)}... 12 [OK]`,
    ]);
    expect(registry.requests.at(-1)?.url).toBe("/v1/search?q=tool&n=25");
    const whole = await store().succeed(["search", "--no-trunc", `${registry.host}/tool`]);
    expect(whole.stdout).toContain("x".repeat(60));
    expect(whole.stdout.split("\n")[0]).toMatch(/^NAME +DESCRIPTION$/);
    const one = await store().succeed(["search", "--limit", "1", `${registry.host}/tool`]);
    const all = await store().succeed(["search", "--limit", "0", `${registry.host}/tool`]);
    expect(all.stdout.split("\n").length).toBeGreaterThan(one.stdout.split("\n").length);
    expect(one.stdout.trimEnd().split("\n")).toHaveLength(2);
  });

  it.each([
    ["stars=10", ["library/tool"]],
    ["is-official=false", ["me/tool"]],
    ["is-automated=true", ["me/tool"]],
  ])("with --filter %s", async (filter, names) => {
    answer("/v1/search", () => ({ results }));
    const args = ["search", "--filter", filter, "--format", "{{.Name}}", `${registry.host}/tool`];
    const { stdout } = await store().succeed(args);
    expect(stdout.trim().split("\n")).toEqual(names.map((name) => `${registry.host}/${name}`));
    const wrong = await store().run(["search", "--filter", "stars=many", "tool"]);
    expect(wrong.status).toBe(125);
    expect(wrong.stderr).toContain("stars=many");
  });

  it("goes over all registries that are configured, and says which one fails", async () => {
    const gone = `127.0.0.1:${await freePorts()}`;
    store().configure(`unqualified-search-registries = ["${gone}", "${registry.host}"]`);
    answer("/v1/search", () => ({ results }));
    const { stdout, stderr } = await store().succeed(["search", "tool"]);
    expect(stdout).toContain(`${registry.host}/me/tool`);
    expect(stderr).toContain(`connect to registry ${gone}`);
    store().configure(`unqualified-search-registries = ["${gone}"]`);
    expect((await store().run(["search", "tool"])).status).toBe(125);
    store().configure("");
  });

  it("goes through the names of a registry that has no search, page by page", async () => {
    answer(
      "/v2/_catalog",
      (url) => ({
        repositories: url.searchParams.has("last") ? ["c/tool", "d/tool"] : ["a/tool", "b/other"],
      }),
      (url): Record<string, string> =>
        url.searchParams.has("last") ? {} : { link: '</v2/_catalog?last=b&n=2>; rel="next"' },
    );
    const args = ["search", "--limit", "2", "--format", "{{.Name}}", `${registry.host}/tool`];
    const { stdout } = await store().succeed(args);
    expect(stdout.trim().split("\n")).toEqual(
      ["a/tool", "c/tool"].map((name) => `${registry.host}/${name}`),
    );
  });

  it("does not follow a page to another host, nor a ring of pages for ever", async () => {
    let link = "<https://evil.example/v2/_catalog>; rel=next";
    answer(
      "/v2/_catalog",
      () => ({ repositories: ["a"] }),
      () => ({ link }),
    );
    const result = await store().run(["search", `${registry.host}/tool`]);
    expect(result.stderr).toContain("said to be on another host");
    link = "</v2/_catalog?again>; rel=next";
    expect((await store().run(["search", `${registry.host}/tool`])).status).toBe(0);
  });

  it("finds what a real registry has", async () => {
    const args = ["search", "--format", "{{.Name}}", `${realRegistry()}/multi-plat`];
    const { stdout } = await store().succeed(args);
    expect(stdout).toBe(`${realRegistry()}/multi-platform\n`);
  });
});

describe("search --list-tags", () => {
  it("lists the tags of a real registry's repository", async () => {
    const name = `${realRegistry()}/busybox`;
    const { stdout } = await store().succeed(["search", "--list-tags", name]);
    expect(stdout.split("\n")[0]).toMatch(/^NAME +TAG$/);
    expect(stdout).toMatch(new RegExp(`^${name} +latest$`, "m"));
    const json = await store().succeed(["search", "--list-tags", "--format", "json", name]);
    expect(JSON.parse(json.stdout)).toEqual([
      { Name: name, Tags: expect.arrayContaining(["latest"]) },
    ]);
  });

  it("says when there is no such repository", async () => {
    const result = await store().run(["search", "--list-tags", `${realRegistry()}/nothing/here`]);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain("does not have it");
  });
});
