import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { hostArchitecture } from "../support/image-fixture.ts";
import { busyboxLayer, release } from "./served-images.ts";
import { registry as docker, TestStore } from "./support.ts";

/** A directory with a lock file, a registry whose tag moves, and a store. */
class Project implements AsyncDisposable {
  readonly directory: string;
  readonly registry: FaultyRegistry;
  readonly store: TestStore;
  readonly busybox: Buffer;

  private constructor(parts: {
    directory: string;
    registry: FaultyRegistry;
    store: TestStore;
    busybox: Buffer;
  }) {
    ({
      directory: this.directory,
      registry: this.registry,
      store: this.store,
      busybox: this.busybox,
    } = parts);
  }

  static async create(): Promise<Project> {
    const directory = await mkdtemp(join(tmpdir(), "tsman-project-"));
    const registry = await startFaultyRegistry();
    const store = await TestStore.create();
    return new Project({ directory, registry, store, busybox: await busyboxLayer() });
  }

  get image(): string {
    return `${this.registry.host}/app`;
  }

  get file(): string {
    return join(this.directory, "tsman.lock");
  }

  /** The tag says another version from now on; digest of its manifest. */
  async release(version: string): Promise<string> {
    return (await release(this.registry, this.busybox, version)).digest;
  }

  async tsman(...args: readonly string[]) {
    return await this.store.run(args, { cwd: this.directory });
  }

  /** What the application says that `run` starts. */
  async version(...options: readonly string[]): Promise<string> {
    const run = ["run", "--rm", "--quiet", "--network", "none", ...options];
    const { stdout, stderr } = await this.tsman(...run, this.image);
    return stdout === "" ? stderr : stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

describe("an image in tsman.lock", () => {
  it("is what it was when it was locked, though its tag has moved", async () => {
    await using project = await Project.create();
    const first = await project.release("one");
    const locked = await project.tsman("pull", "--lock", project.image);
    expect(locked.status).toBe(0);
    expect(locked.stderr).toContain(`Locked ${project.image}:latest:\n  linux/`);
    expect(JSON.parse(readFileSync(project.file, "utf8"))).toEqual({
      version: 1,
      images: { [`${project.image}:latest`]: { [`linux/${hostArchitecture}`]: first } },
    });
    await project.release("two");
    await project.tsman("pull", "--quiet", project.image);
    expect(await project.version()).toBe("two");
    expect(await project.version("--locked")).toBe("one");
    // On another machine, whose store has neither.
    await project.tsman("rmi", "--all", "--force");
    expect(await project.version("--locked")).toBe("one");
    expect(await project.version("--locked", "--pull", "always")).toBe("one");
  });

  it("leaves the name to the image that has it here", async () => {
    await using project = await Project.create();
    await project.release("one");
    await project.tsman("pull", "--lock", project.image);
    await project.release("two");
    await project.tsman("rmi", "--all", "--force");
    await project.tsman("pull", "--quiet", project.image);
    expect(await project.version("--locked")).toBe("one");
    expect(await project.version("--pull", "never")).toBe("two");
  });

  it("is renewed by pull --lock, which says so", async () => {
    await using project = await Project.create();
    await project.release("one");
    await project.tsman("pull", "--lock", project.image);
    await project.release("two");
    const { stderr } = await project.tsman("pull", "--lock", project.image);
    expect(stderr).toContain(`Changed ${project.image}:latest:\n`);
    expect(await project.version("--locked")).toBe("two");
  });

  it("is pinned for every platform of an index", async () => {
    await using project = await Project.create();
    const image = `${docker()}/multi-platform`;
    await project.tsman("pull", "--quiet", "--lock", image);
    const { images } = JSON.parse(readFileSync(project.file, "utf8"));
    expect(Object.keys(images[`${image}:latest`])).toEqual(
      expect.arrayContaining(["linux/amd64", "linux/arm64/v8", "linux/riscv64"]),
    );
    await project.tsman("rmi", "--all", "--force");
    const other = await project.tsman("pull", "-q", "--locked", "--platform=linux/riscv64", image);
    expect(other).toMatchObject({ status: 0 });
    const none = await project.tsman("pull", "-q", "--locked", "--platform=linux/s390x", image);
    expect(none).toMatchObject({ status: 125, stdout: "" });
    expect(none.stderr).toContain("and not linux/s390x");
  });

  it("is fetched with all others by pull --locked without names", async () => {
    await using project = await Project.create();
    await project.release("one");
    await project.tsman("pull", "--quiet", "--lock", project.image, `${docker()}/zstd`);
    await project.tsman("rmi", "--all", "--force");
    const { status, stdout } = await project.tsman("pull", "--quiet", "--locked");
    expect(status).toBe(0);
    expect(stdout.match(/^[0-9a-f]{64}$/gm)).toHaveLength(2);
    expect(await project.version("--locked", "--pull", "never")).toBe("one");
  });

  it("loses nothing when several commands add to the file at once", async () => {
    await using project = await Project.create();
    const names = ["busybox", "zstd", "whiteouts", "hardlinks"].map(
      (name) => `${docker()}/${name}`,
    );
    const pulls = await Promise.all(
      names.map((name) => project.tsman("pull", "--quiet", "--lock", name)),
    );
    expect(pulls.map(({ status }) => status)).toEqual(names.map(() => 0));
    const { images } = JSON.parse(readFileSync(project.file, "utf8"));
    expect(Object.keys(images).sort()).toEqual(names.map((name) => `${name}:latest`).sort());
  });

  it("is written where a symbolic link points", async () => {
    await using project = await Project.create();
    const target = join(project.directory, "shared.json");
    symlinkSync("shared.json", project.file);
    await project.release("one");
    await project.tsman("pull", "--quiet", "--lock", project.image);
    expect(JSON.parse(readFileSync(target, "utf8"))).toMatchObject({ version: 1 });
    expect(await project.version("--locked")).toBe("one");
  });
});

describe("--locked", () => {
  it.each([
    ["run", ["run", "--rm", "--locked"]],
    ["create", ["create", "--locked"]],
    ["pull", ["pull", "--locked"]],
    ["run --explain", ["run", "--explain", "--locked"]],
  ])("refuses with %s what is not in the file, though it is in the store", async (_, command) => {
    await using project = await Project.create();
    writeFileSync(project.file, '{"version": 1, "images": {}}');
    const { status, stdout, stderr } = await project.tsman(...command, "busybox");
    expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
    expect(stderr).toContain(
      "is not named there\nhint: write down what it is now with: tsman pull",
    );
  });

  it("refuses what lies in a directory, which may be another image tomorrow", async () => {
    await using project = await Project.create();
    writeFileSync(project.file, '{"version": 1, "images": {}}');
    const { status, stderr } = await project.tsman("run", "--locked", "oci:./image");
    expect(status).toBe(125);
    expect(stderr).toContain("it names images of registries");
  });

  it("takes a digest as it is", async () => {
    await using project = await Project.create();
    const first = await project.release("one");
    const exact = `${project.image}@${first}`;
    const run = ["run", "--rm", "--quiet", "--network", "none", "--locked"];
    expect(await project.tsman(...run, exact)).toMatchObject({ status: 0, stdout: "one" });
  });

  it.each([
    ["there is none", [], /read lock file \S+tsman.lock: there is none\nhint: make it/],
    ["it is another one", ["--lock-file", "ci.lock"], /read lock file \S+ci.lock: there is none/],
  ])("names the file when %s", async (_, options, message) => {
    await using project = await Project.create();
    const { status, stderr } = await project.tsman("run", "--locked", ...options, "busybox");
    expect(status).toBe(125);
    expect(stderr).toMatch(message);
  });

  it("changes neither file nor store when the registry has no such image", async () => {
    await using project = await Project.create();
    const before = '{"version": 1, "images": {}}\n';
    writeFileSync(project.file, before);
    const { status } = await project.tsman("pull", "--lock", `${project.registry.host}/none`);
    expect(status).toBe(125);
    expect(readFileSync(project.file, "utf8")).toBe(before);
  });
});
