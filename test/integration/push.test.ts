import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { until } from "../support/wait.ts";
import { addRandomImage } from "./served-images.ts";
import { registry, TestStore, useStore } from "./support.ts";

const run = promisify(execFile);
const store = useStore();
let target: DockerRegistry;

beforeAll(async () => {
  target = await startDockerRegistry();
  await store().succeed(["pull", "-q", `${registry()}/shared-base-a`]);
});

afterAll(async () => {
  await target[Symbol.asyncDispose]();
});

/** The manifest or index as it is in the registry, read by the real skopeo. */
async function rawManifest(reference: string): Promise<string> {
  const { stdout } = await run("skopeo", [
    "--insecure-policy",
    "inspect",
    "--tls-verify=false",
    "--no-creds",
    "--raw",
    `docker://${reference}`,
  ]);
  return stdout;
}

/** Requests of the target for a repository since `before`. */
function requestsSince(before: number, method: string): readonly string[] {
  return target
    .requests()
    .slice(before)
    .filter((request) => request.startsWith(`${method} `));
}

describe("tsman push", () => {
  it("sends an image that keeps its digest, and prints it", async () => {
    const to = `${target.address}/team/same:1`;
    const { stdout } = await store().succeed(["push", `${registry()}/shared-base-a`, to]);
    const pushed = await rawManifest(to);
    expect(pushed).toBe(await rawManifest(`${registry()}/shared-base-a:latest`));
    expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(await rawManifest(`${target.address}/team/same@${stdout.trim()}`)).toBe(pushed);
  });

  it("pushes by the image's name, and writes --digestfile", async () => {
    const name = `${target.address}/team/named:2`;
    const file = join(store().scratch, "digest");
    await store().succeed(["tag", `${registry()}/shared-base-a`, name]);
    const { stdout, stderr } = await store().succeed(["push", "-q", "--digestfile", file, name]);
    expect([stdout, stderr]).toEqual(["", ""]);
    expect(await rawManifest(`${target.address}/team/named@${await readFile(file, "utf8")}`)).toBe(
      await rawManifest(name),
    );
  });

  it("is what another store pulls and runs", async () => {
    const to = `${target.address}/team/run:1`;
    await store().succeed(["push", "-q", `${registry()}/shared-base-a`, `docker://${to}`]);
    const args = ["run", "--rm", "--network", "none", "--pull", "always", to, "echo", "hello"];
    expect((await store().succeed(args)).stdout).toBe("hello\n");
  });

  it("sends nothing that is there already", async () => {
    const to = `${target.address}/team/again:1`;
    await store().succeed(["push", "-q", `${registry()}/shared-base-a`, to]);
    const before = target.requests().length;
    const { stderr } = await store().succeed(["push", `${registry()}/shared-base-a`, to]);
    expect(requestsSince(before, "POST")).toEqual([]);
    expect(requestsSince(before, "PATCH")).toEqual([]);
    expect(stderr).toContain("already there");
  });

  it("lets the registry take layers over from another repository that has them", async () => {
    await store().succeed([
      "push",
      "-q",
      `${registry()}/shared-base-a`,
      `${target.address}/from/here:1`,
    ]);
    const before = target.requests().length;
    await store().succeed([
      "push",
      "-q",
      `${registry()}/shared-base-a`,
      `${target.address}/to/there:1`,
    ]);
    const begun = requestsSince(before, "POST");
    expect(begun.length).toBeGreaterThan(0);
    expect(begun.every((request) => request.includes("mount=sha256"))).toBe(true);
    expect(requestsSince(before, "PATCH")).toEqual([]);
    expect(await rawManifest(`${target.address}/to/there:1`)).toBe(
      await rawManifest(`${target.address}/from/here:1`),
    );
  });

  it.each([
    ["oci", "application/vnd.oci.image.manifest.v1+json"],
    ["v2s2", "application/vnd.docker.distribution.manifest.v2+json"],
  ])("writes the documents in the format %s", async (format, mediaType) => {
    const to = `${target.address}/team/${format}:1`;
    const from = `${registry()}/shared-base-a`;
    const { stdout } = await store().succeed(["push", "--format", format, from, to]);
    const manifest = JSON.parse(
      await rawManifest(`${target.address}/team/${format}@${stdout.trim()}`),
    );
    expect(manifest.mediaType).toBe(mediaType);
    // In another store, since in one an image has the manifest with which it came last.
    await using other = await TestStore.create();
    const pulled = await other.succeed(["pull", "-q", to]);
    expect(pulled.stdout).toBe((await store().succeed(["pull", "-q", from])).stdout);
  });

  it.each([
    [["--compression-format", "zstd"], "tar+zstd", "manifest.v1+json"],
    [["--compression-format", "zstd", "--compression-level", "19"], "tar+zstd", "manifest.v1+json"],
    [["--compression-level", "1"], "tar+gzip", "manifest.v1+json"],
    [["--compression-format", "none", "--format", "v2s2"], "diff.tar", "manifest.v2+json"],
  ])(
    "packs the layers anew with %j, and it is the same image",
    async (options, layer, manifest) => {
      const name = `packed/${options.join("-").replaceAll("--", "")}`;
      const to = `${target.address}/${name}:1`;
      const from = `${registry()}/shared-base-a`;
      const { stdout } = await store().succeed(["push", ...options, from, to]);
      const document = JSON.parse(await rawManifest(`${target.address}/${name}@${stdout.trim()}`));
      expect(document.mediaType).toContain(manifest);
      for (const { mediaType } of document.layers) expect(mediaType.endsWith(layer)).toBe(true);
      const args = ["--insecure-policy", "copy", "--src-tls-verify=false", "--src-no-creds"];
      await run("skopeo", [
        ...args,
        `docker://${to}`,
        `dir:${join(store().scratch, name.slice(7))}`,
      ]);
      // Another store has to unpack them.
      await using other = await TestStore.create();
      const pulled = await other.succeed(["pull", "-q", to]);
      expect(pulled.stdout).toBe((await store().succeed(["pull", "-q", from])).stdout);
    },
  );

  it.each([
    [[], "tar+gzip"],
    [["--compression-format", "zstd"], "tar+zstd"],
  ])("sends a list with all its platforms, %j", async (options, layerType) => {
    const list = `localhost/several-${layerType.slice(4)}`;
    await store().succeed(["manifest", "create", list]);
    const from = `docker://${registry()}/multi-platform`;
    await store().succeed(["manifest", "add", "--all", list, from]);
    const to = `${target.address}/team/several-${layerType.slice(4)}:1`;
    const { stdout } = await store().succeed(["push", "--all", ...options, list, to]);
    const raw = await rawManifest(to);
    const index = JSON.parse(raw) as { manifests: { digest: string; platform: object }[] };
    const original = JSON.parse(await rawManifest(`${registry()}/multi-platform:latest`));
    expect(index.manifests.map(({ platform }) => platform)).toEqual(
      original.manifests.map(({ platform }: { platform: object }) => platform),
    );
    for (const { digest } of index.manifests) {
      const [name] = to.split(/:1$/);
      const { layers } = JSON.parse(await rawManifest(`${name}@${digest}`));
      for (const { mediaType } of layers) expect(mediaType.endsWith(layerType)).toBe(true);
    }
    expect(stdout.trim()).toBe(`sha256:${createHash("sha256").update(raw).digest("hex")}`);
  });

  it("goes to other places too", async () => {
    const place = join(store().scratch, "layout");
    const from = `${registry()}/shared-base-a`;
    const { stdout } = await store().succeed(["push", from, `oci:${place}:it`]);
    const args = ["--insecure-policy", "inspect", "--raw", `oci:${place}:it`];
    const manifest = (await run("skopeo", args)).stdout;
    expect(stdout.trim()).toBe(`sha256:${createHash("sha256").update(manifest).digest("hex")}`);
  });

  it("leaves layers alone that are packed as they are wanted", async () => {
    const to = `${target.address}/team/unpacked:1`;
    const from = `${registry()}/shared-base-a`;
    await store().succeed(["push", "-q", "--compression-format", "gzip", from, to]);
    expect(await rawManifest(to)).toBe(await rawManifest(`${from}:latest`));
  });

  it("resumes what breaks, with layers of several megabytes", async () => {
    await using source = await startFaultyRegistry();
    await using broken = await startFaultyRegistry();
    const image = addRandomImage(source, [6, 7]);
    await store().succeed(["pull", "-q", image.reference]);
    broken.uploads.rules = { resetAfter: [1_000_000, 2_000_000, 3_000_000] };
    const { stdout } = await store().succeed(["push", image.reference, `${broken.host}/a/b:1`]);
    expect(stdout.trim()).toBe(image.digest);
    for (const { digest, blob } of image.layers) {
      expect(broken.content.blobs.get(digest)?.equals(blob)).toBe(true);
    }
  });
});

describe("pull --all-tags", () => {
  it("pulls every tag that the repository has, by name", async () => {
    const name = `${target.address}/team/tagged`;
    for (const tag of ["one", "two"]) {
      await store().succeed(["push", "-q", `${registry()}/shared-base-a`, `${name}:${tag}`]);
    }
    const { stdout } = await store().succeed(["pull", "-q", "--all-tags", name]);
    expect(new Set(stdout.trim().split("\n")).size).toBe(1);
    const format = ["--format", "{{.Tag}}", "--sort", "tag", name];
    expect((await store().succeed(["images", ...format])).stdout).toContain("one\ntwo\n");
    const tagged = await store().run(["pull", "-a", `${name}:one`]);
    expect([tagged.status, tagged.stderr]).toEqual([125, expect.stringContaining("leave out")]);
    // As a registry says of a repository whose tags were all taken away.
    await using bare = await startFaultyRegistry();
    const none = await store().run(["pull", "-a", `${bare.host}/untagged`]);
    expect([none.status, none.stderr]).toEqual([125, expect.stringContaining("it has none")]);
    const missing = await store().run(["pull", "-a", `${target.address}/team/missing`]);
    expect([missing.status, missing.stderr]).toEqual([
      125,
      expect.stringContaining("does not have it"),
    ]);
  });
});

describe("a push that is killed", () => {
  const mebibyte = 1024 * 1024;

  it.each([
    ["is continued by the next, which sends what is missing", true],
    ["begins anew where the registry has lost what was sent", false],
  ])("%s", async (_, knowsStatus) => {
    await using source = await startFaultyRegistry();
    await using goal = await startFaultyRegistry();
    const image = addRandomImage(source, [9]);
    const [layer] = image.layers;
    await store().succeed(["pull", "-q", image.reference]);
    goal.uploads.rules = { stallAfter: 5 * mebibyte, knowsStatus };
    const push = ["push", "-q", image.reference, `${goal.host}/a/b:1`];
    const first = store().start(push);
    await until("5 MiB of the layer at the registry", () =>
      [...goal.uploads.open.values()].some(({ length }) => length >= 5 * mebibyte)
        ? true
        : undefined,
    );
    first.child.kill("SIGKILL");
    await first.ended;
    await store().succeed(push);
    const sizes = goal
      .requestsOf("upload")
      .filter(({ method }) => method === "PATCH")
      .map(({ headers }) => Number(headers["content-length"]));
    expect(sizes[0]).toBe(layer?.blob.length);
    if (knowsStatus) expect(sizes[1]).toBeLessThanOrEqual((sizes[0] ?? 0) - 5 * mebibyte);
    else expect(sizes[1]).toBe(sizes[0]);
    expect(goal.content.blobs.get(layer?.digest ?? "")?.equals(layer?.blob ?? Buffer.of())).toBe(
      true,
    );
    expect((await store().succeed(["system", "check", "--max", "0s"])).stdout).toBe("");
  });
});

describe("tsman push refuses", () => {
  it.each([
    [["push", "ab12cd34ef"], "not in the local store"],
    [["push", "no-such-image"], "not in the local store"],
    [["push", "localhost/busybox"], "this host"],
    [["push", "busybox", "docker:busybox"], "docker://"],
    [["push", "busybox", "127.0.0.1:1/Upper"], "U"],
    [["push", "--format", "v1", "busybox"], "oci, v2s2"],
    [["push", "--sign-by", "me", "busybox", "127.0.0.1:1/a"], "cosign"],
    [["push", "--compression-format", "xz", "busybox", "127.0.0.1:1/a"], "gzip, zstd"],
    [["push", "--compression-level", "23", "busybox", "127.0.0.1:1/a"], "from 1 to 22"],
    [["push", "--compression-level", "12", "busybox", "127.0.0.1:1/a"], "no such level"],
    [
      [
        "push",
        "--compression-format",
        "none",
        "--compression-level",
        "1",
        "busybox",
        "127.0.0.1:1/a",
      ],
      "level",
    ],
    [
      ["push", "--compression-format", "zstd", "--format", "v2s2", "busybox", "127.0.0.1:1/a"],
      "zstd",
    ],
  ])("%j", async (args, word) => {
    await store().succeed(["run", "--rm", "--network", "none", "busybox", "true"]);
    const result = await store().run(args);
    expect(result.status).toBe(125);
    expect(result.stdout).toBe("");
    expect(result.stderr).toContain(word);
  });

  it("all platforms of an image of which the store has one", async () => {
    const args = ["push", "--all", `${registry()}/shared-base-a`, `${target.address}/all:1`];
    const result = await store().run(args);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain("tsman image copy --all");
  });

  it("an id without saying where to", async () => {
    const { stdout } = await store().succeed(["pull", "-q", `${registry()}/shared-base-a`]);
    const result = await store().run(["push", stdout.trim()]);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain("tsman push");
  });

  it("to write a digest file into nowhere, after the push", async () => {
    const to = `${target.address}/team/nowhere:1`;
    const file = join(store().scratch, "missing/digest");
    const from = `${registry()}/shared-base-a`;
    const result = await store().run(["push", "--digestfile", file, from, to]);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain(file);
  });

  it("to complete a blob that was damaged in the store", async () => {
    await using source = await startFaultyRegistry();
    const image = addRandomImage(source, [1]);
    await store().succeed(["pull", "-q", image.reference]);
    const [layer] = image.layers;
    const file = join(store().root, "blobs/sha256", (layer?.digest ?? "").replace("sha256:", ""));
    const bytes = await readFile(file);
    bytes[500_000] = 0xff ^ (bytes[500_000] ?? 0);
    await writeFile(file, bytes);
    const to = `${target.address}/team/damaged:1`;
    const result = await store().run(["push", image.reference, to]);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain(layer?.digest);
    const tags = await fetch(`http://${target.address}/v2/team/damaged/tags/list`);
    expect(tags.status).toBe(404);
  });
});
