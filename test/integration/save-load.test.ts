import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { dockerArchive, layoutArchive, packed } from "../support/archived-image.ts";
import { layerOf, TarBuilder } from "../support/tar-builder.ts";
import { until, within } from "../support/wait.ts";
import { type Skopeo, skopeoIn } from "./skopeo.ts";
import { registry, TestStore, tsmanPath, useStore } from "./support.ts";

const store = useStore();
let skopeo: Skopeo;
beforeAll(async () => {
  skopeo = skopeoIn(store());
  for (const name of ["entrypoint-cmd", "busybox"]) {
    await store().succeed(["pull", "-q", `${registry()}/${name}`]);
  }
});

const at = (name: string) => join(store().scratch, name);
const image = () => `${registry()}/entrypoint-cmd:latest`;
const published = (name: string) => `docker://${registry()}/${name}`;
const small = () => new TarBuilder().file("file", "content").build();
const load = async (archive: Buffer, target = store()) =>
  await target.run(["load", "-q"], { input: archive });

/** Whether a process has a file below this directory open that has no name there. */
function hasUnnamedFile(pid: number, directory: string): boolean {
  const descriptors = `/proc/${pid}/fd`;
  if (!existsSync(descriptors)) return false;
  return readdirSync(descriptors).some((fd) => {
    try {
      const target = readlinkSync(`${descriptors}/${fd}`);
      return target.startsWith(directory) && target.endsWith(" (deleted)");
    } catch {
      // Closed meanwhile.
      return false;
    }
  });
}

describe("an image that is saved", () => {
  it.each([
    ["docker-archive", "docker-archive:a", true],
    ["oci-archive", "oci-archive:b", false],
    ["oci-dir", "oci:c", false],
    ["docker-dir", "dir:d", false],
  ])("as %s is read by skopeo and loaded elsewhere", async (format, location, isMadeUp) => {
    const file = location.split(":")[1] ?? "";
    await store().succeed(["save", "-q", "--format", format, "-o", file, image()]);
    expect(await skopeo.config(location)).toEqual(await skopeo.config(published("entrypoint-cmd")));
    if (!isMadeUp) {
      expect(await skopeo.raw(location)).toBe(await skopeo.raw(published("entrypoint-cmd")));
    }
    await using other = await TestStore.create();
    const { stdout } = await other.succeed(["load", "-i", at(file)]);
    const loaded = /Loaded image: (.*)\n$/.exec(stdout)?.[1] ?? "";
    if (format === "docker-dir") expect(loaded).toMatch(/^sha256:[0-9a-f]{64}$/);
    else expect(loaded).toBe(image());
    const id = async (one: TestStore, name: string) =>
      (await one.succeed(["inspect", "--format", "{{.Id}}", name])).stdout;
    expect(await id(other, loaded)).toBe(await id(store(), image()));
    expect((await other.succeed(["run", "--rm", loaded])).status).toBe(0);
  });

  it("several times gives the same bytes", async () => {
    for (const format of ["docker-archive", "oci-archive"]) {
      const first = await store().succeed(["save", "-q", "--format", format, image()]);
      await store().succeed(["save", "-q", "--format", format, "-o", "again", image()]);
      expect(readFileSync(at("again"))).toEqual(first.stdoutBytes);
    }
  });

  it.each(["docker-archive", "oci-archive"])(
    "with others is one of several (%s)",
    async (format) => {
      const names = [image(), `${registry()}/busybox:latest`];
      const { stdoutBytes } = await store().succeed(["save", "-q", "--format", format, ...names]);
      await using other = await TestStore.create();
      const { stdout } = await load(stdoutBytes, other);
      expect(stdout).toBe(names.map((name) => `Loaded image: ${name}\n`).join(""));
    },
  );

  it("with --compress has layers of gzip, and the same id", async () => {
    const name = `${registry()}/uncompressed`;
    await store().succeed(["pull", "-q", name]);
    await store().succeed(["save", "-q", "--compress", "--format", "docker-dir", "-o", "gz", name]);
    const { config, layers } = JSON.parse(await skopeo.raw("dir:gz"));
    const { stdout } = await store().succeed(["inspect", "--format", "{{.Id}}", name]);
    expect(config.digest.replace("sha256:", "")).toBe(stdout.trim().replace("sha256:", ""));
    for (const { mediaType } of layers) expect(mediaType).toMatch(/gzip$/);
    await skopeo.copy("dir:gz", "dir:gz-checked");
    const { status, stderr } = await store().run(["save", "--compress", "-o", "no.tar", name]);
    expect(status).toBe(125);
    expect(stderr).toContain("its layers are not compressed");
  });

  it("with two names keeps both", async () => {
    await store().succeed(["tag", image(), "localhost/also:1"]);
    await store().succeed(["save", "-q", "-o", "two.tar", image(), "also:1"]);
    await using other = await TestStore.create();
    const { stdout } = await other.succeed(["load", "-q", "-i", at("two.tar")]);
    expect(stdout).toBe(`Loaded image: ${image()}\nLoaded image: localhost/also:1\n`);
  });

  it("replaces a file only when it is complete", async () => {
    writeFileSync(at("old"), "old");
    const { status } = await store().run(["save", "-q", "-o", "old", image(), "no-such-image"]);
    expect(status).toBe(125);
    expect(readFileSync(at("old"), "utf8")).toBe("old");
    await store().succeed(["save", "-q", "-o", "old", image()]);
    expect(readFileSync(at("old")).length).toBeGreaterThan(1000);
  });

  it("leaves nothing when it is killed", async () => {
    const before = readdirSync(store().scratch);
    const saving = store().start(["save", "-q", "-o", "killed", image()]);
    await until("the archive to be begun", () =>
      existsSync(at("killed")) || hasUnnamedFile(saving.pid, store().scratch) ? true : undefined,
    );
    saving.child.kill("SIGKILL");
    await saving.ended;
    const left = readdirSync(store().scratch).filter((name) => !before.includes(name));
    // On a slow day it was complete before the signal came.
    if (left.length === 0) return;
    expect(left).toEqual(["killed"]);
    await skopeo.copy("docker-archive:killed", "dir:killed-complete");
  });

  it("is interrupted though nobody reads any more", async () => {
    const saving = spawn(tsmanPath, ["save", "-q", image()], {
      env: store().environment(),
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = once(saving, "exit");
    // It has begun; more than fits in between is not read.
    await once(saving.stdout, "readable");
    saving.kill("SIGINT");
    expect(await within(30_000, "save to end", ended)).toEqual([130, null]);
    saving.stdout.destroy();
  });

  it("is not written to a terminal", async () => {
    const session = store().terminal(["save", image()]);
    await session.screen.until("an archive is nothing for a terminal");
    expect((await session.exited).status).toBe(125);
  });
});

describe("an archive that is loaded", () => {
  it.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ])("may be compressed as a whole (%s), from a pipe or a file", async (name, compress) => {
    const archive = compress(packed(dockerArchive({ layers: [small()], names: ["x:1"] }).files));
    expect((await load(archive)).stdout).toBe("Loaded image: docker.io/library/x:1\n");
    writeFileSync(at(name), archive);
    const { stdout } = await store().succeed(["load", "-q", "--input", at(name)]);
    expect(stdout).toBe("Loaded image: docker.io/library/x:1\n");
  });

  it.each(["none", "gzip", "zstd"] as const)(
    "may hold layers that are compressed in any way (%s)",
    async (compression) => {
      const layer = new TarBuilder().file("how", compression).build();
      const { files, id } = dockerArchive({ layers: [layer], compression });
      expect((await load(packed(files))).stdout).toBe(`Loaded image: ${id}\n`);
    },
  );

  it("may have its members in any order, under other spellings, behind links", async () => {
    const layer = new TarBuilder().file("linked", "content").build();
    const { files, id } = dockerArchive({
      layers: [layer, layer],
      entry: { Layers: ["one/layer.tar", "two/layer.tar"] },
    });
    const [tar = Buffer.alloc(0), config = Buffer.alloc(0), manifest = Buffer.alloc(0)] = [
      ...files.values(),
    ];
    const archive = new TarBuilder()
      .dir("one")
      .symlink("two/layer.tar", "../one/layer.tar")
      .file("./manifest.json", manifest)
      .file("one/./layer.tar", tar)
      .file(`${id.slice(7)}.json`, config)
      .build();
    expect((await load(archive)).stdout).toBe(`Loaded image: ${id}\n`);
  });

  it("of several formats at once is read as the OCI layout, with containerd's names", async () => {
    const layout = layoutArchive({ layers: [small()], names: ["1"] });
    const index = JSON.parse(String(layout.files.get("index.json")));
    index.manifests[0].annotations["io.containerd.image.name"] = "docker.io/library/y:1";
    layout.files.set("index.json", Buffer.from(JSON.stringify(index)));
    layout.files.set("manifest.json", Buffer.from("[]"));
    const { stdout } = await load(packed(layout.files));
    expect(stdout).toBe("Loaded image: docker.io/library/y:1\n");
  });

  it("gives an image that is there its names and leaves its blobs as they came", async () => {
    await store().succeed(["save", "-q", "-o", "same.tar", image()]);
    const digest = async () =>
      (await store().succeed(["inspect", "--format", "{{.Digest}}", image()])).stdout;
    const before = await digest();
    await store().succeed(["load", "-q", "-i", at("same.tar")]);
    expect(await digest()).toBe(before);
  });

  it("is told in the events", async () => {
    const { files } = dockerArchive({ layers: [small()], names: ["told:1"] });
    await load(packed(files));
    await store().succeed(["save", "-q", "-o", "told.tar", "told:1"]);
    const { stdout } = await store().succeed([
      "events",
      "--stream=false",
      "--filter",
      "type=image",
      "--format",
      "{{.Status}} {{.Name}}",
    ]);
    expect(stdout).toContain("loadfromarchive docker.io/library/told:1");
    expect(stdout).toContain("save docker.io/library/told:1");
  });

  it("and interrupted ends though nobody writes any more", async () => {
    const loading = store().start(["load"]);
    loading.write(Buffer.alloc(512));
    await until("the archive to be kept", () =>
      hasUnnamedFile(loading.pid, store().root) ? true : undefined,
    );
    loading.child.kill("SIGINT");
    expect((await loading.ended).status).toBe(130);
  });

  it("and killed leaves a store in which the next one succeeds", async () => {
    await using other = await TestStore.create();
    const layer = layerOf(new TarBuilder().file("f", Buffer.alloc(4_000_000, 7)).build(), "none");
    const { files, id } = dockerArchive({ layers: [layer.tar] });
    const archive = packed(files);
    const loading = other.start(["load"]);
    loading.write(archive.subarray(0, archive.length - 2000));
    await until("the archive to be kept", () =>
      hasUnnamedFile(loading.pid, other.root) ? true : undefined,
    );
    loading.child.kill("SIGKILL");
    await loading.ended;
    expect(readdirSync(join(other.root, "blobs/partial"))).toEqual([]);
    expect((await load(archive, other)).stdout).toBe(`Loaded image: ${id}\n`);
  });
});

describe("an image of another place", () => {
  it("in a directory that is not there is not called damaged", async () => {
    for (const from of [`oci:${at("nowhere")}:x`, `dir:${at("nowhere")}`]) {
      const { status, stderr } = await store().run(["pull", "-q", from]);
      expect([status, stderr]).toEqual([125, expect.stringContaining("no such file or directory")]);
      expect(stderr).not.toContain("damaged");
    }
  });

  it("is run and pulled where it lies", async () => {
    await store().succeed(["save", "-q", "-o", "run.tar", image()]);
    await store().succeed(["save", "-q", "--format", "oci-dir", "-o", "layout", image()]);
    await using other = await TestStore.create();
    const run = ["run", "--rm", "--network", "none"];
    expect((await other.run([...run, `docker-archive:${at("run.tar")}`])).status).toBe(0);
    const { stdout } = await other.succeed(["pull", "-q", `oci:${at("layout")}`]);
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect((await other.succeed(["images", "-n"])).stdout).toContain(
      `${registry()}/entrypoint-cmd`,
    );
  });

  it("is kept by a container though the file goes", async () => {
    await store().succeed(["save", "-q", "-o", "gone.tar", image()]);
    await using other = await TestStore.create();
    const { stdout } = await other.succeed(["create", "-q", `docker-archive:${at("gone.tar")}`]);
    execFileSync("rm", [at("gone.tar")]);
    expect((await other.run(["start", "--attach", stdout.trim()])).status).toBe(0);
  });

  it("is where a push may go", async () => {
    await store().succeed(["push", "-q", image(), "oci:pushed:it"]);
    expect(await skopeo.raw("oci:pushed:it")).toBe(await skopeo.raw(published("entrypoint-cmd")));
  });
});
