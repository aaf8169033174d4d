import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type NpmRegistry, startNpmRegistry } from "../support/npm-registry.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { TestStore, type TsmanResult } from "./support.ts";

const execute = promisify(execFile);

/** A registry of packages, a store whose npm settings name it, and a directory to work in. */
class Setting implements AsyncDisposable {
  readonly directory: string;
  readonly registry: NpmRegistry;
  readonly store: TestStore;

  private constructor(directory: string, registry: NpmRegistry, store: TestStore) {
    this.directory = directory;
    this.registry = registry;
    this.store = store;
  }

  static async create(): Promise<Setting> {
    const directory = await mkdtemp(join(tmpdir(), "tsman-npm-"));
    return new Setting(directory, await startNpmRegistry(), await TestStore.create());
  }

  async tsman(...args: readonly string[]): Promise<TsmanResult> {
    const env = { npm_config_registry: this.registry.url };
    return await this.store.run(args, { cwd: this.directory, env });
  }

  /** What the real npm would publish of a directory. */
  async pack(directory: string): Promise<Buffer> {
    const { stdout } = await execute("npm", ["pack", "--silent", directory], {
      cwd: this.directory,
      env: { PATH: process.env.PATH, HOME: this.directory, npm_config_offline: "true" },
    });
    return readFileSync(join(this.directory, stdout.trim()));
  }

  /** Publishes the embedded image. */
  async publish(name: string, version: string): Promise<void> {
    const made = await this.tsman("image", "to-npm", "busybox", `${name}@${version}`);
    expect(made.status).toBe(0);
    this.registry.publish(name, version, await this.pack(made.stdout.trim()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

const run = ["run", "--rm", "--quiet", "--network", "none"];

describe("an image in an npm package", () => {
  it("is what it was before, packed by npm, and runs from any store", async () => {
    await using setting = await Setting.create();
    await setting.publish("@team/busybox", "1.0.0");
    const { stdout: id } = await setting.tsman("inspect", "--format", "{{.Id}}", "busybox");
    await setting.tsman("rmi", "--all", "--force");
    const first = await setting.tsman(...run, "npm:@team/busybox@1.0.0", "echo", "from npm");
    expect(first).toMatchObject({ status: 0, stdout: "from npm\n" });
    const name = "localhost/npm/team/busybox:1.0.0";
    const { stdout: same } = await setting.tsman("inspect", "--format", "{{.Id}}", name);
    expect(same).toBe(id);
    // It is there now: nobody is asked any more.
    const asked = setting.registry.requests.length;
    expect(await setting.tsman(...run, "npm:@team/busybox@1.0.0", "true")).toMatchObject({
      status: 0,
    });
    expect(await setting.tsman(...run, name, "true")).toMatchObject({ status: 0 });
    expect(setting.registry.requests).toHaveLength(asked);
  });

  it("is pulled by tag, each time", async () => {
    await using setting = await Setting.create();
    await setting.publish("busybox", "2.0.0");
    for (const _ of [1, 2]) {
      const { status, stdout } = await setting.tsman("pull", "--quiet", "npm:busybox");
      expect(status).toBe(0);
      expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    }
    const asked = setting.registry.requests.filter(({ path }) => path === "/busybox");
    expect(asked).toHaveLength(2);
  });

  it("is refused when its archive is not the one that was published", async () => {
    await using setting = await Setting.create();
    const archive = gzipSync(new TarBuilder().file("package/package.json", "{}").build());
    const integrity = `sha512-${Buffer.alloc(64).toString("base64")}`;
    setting.registry.publish("changed", "1.0.0", { tarball: archive, integrity });
    const { status, stderr } = await setting.tsman("pull", "npm:changed");
    expect(status).toBe(125);
    expect(stderr).toContain("what arrived is not what");
    const { stdout } = await setting.tsman("images", "--quiet", "--filter", "reference=*changed*");
    expect(stdout).toBe("");
  });

  it("is an error that says so when the package holds no image", async () => {
    await using setting = await Setting.create();
    const archive = gzipSync(new TarBuilder().file("package/index.js", "1").build());
    setting.registry.publish("left-pad", "1.0.0", archive);
    const { status, stderr } = await setting.tsman("run", "npm:left-pad", "true");
    expect(status).toBe(125);
    expect(stderr).toContain("read npm:left-pad@latest: it has no file oci-layout");
  });

  it("is not let in by a policy that does not name it", async () => {
    await using setting = await Setting.create();
    await setting.publish("busybox", "1.0.0");
    const directory = join(setting.store.configHome, "tsman");
    mkdirSync(directory, { recursive: true });
    const accepted = { "busybox@2.0.0": [{ type: "insecureAcceptAnything" }] };
    const policy = { default: [{ type: "reject" }], transports: { npm: accepted } };
    writeFileSync(join(directory, "policy.json"), JSON.stringify(policy));
    const { status, stderr } = await setting.tsman("pull", "--quiet", "npm:busybox@1.0.0");
    expect(status).toBe(125);
    expect(stderr).toContain("take in npm:busybox@1.0.0: the policy rejects it");
    await setting.publish("busybox", "2.0.0");
    await setting.store.succeed(["rmi", "--all", "--force"]);
    const allowed = await setting.tsman("pull", "--quiet", "npm:busybox@2.0.0");
    expect(allowed).toMatchObject({ status: 0 });
  });

  it("is asked for with the token of the user's .npmrc, which is shown nowhere", async () => {
    await using setting = await Setting.create();
    await setting.publish("private", "1.0.0");
    setting.registry.requireAuthorization("Bearer very-secret");
    const denied = await setting.tsman("pull", "--quiet", "npm:private");
    expect(denied.status).toBe(125);
    expect(denied.stderr).toContain("wants credentials\nhint: log in as npm does");
    const { host } = new URL(setting.registry.url);
    writeFileSync(join(setting.directory, ".npmrc"), `//${host}/:_authToken=very-secret\n`);
    const pulled = await setting.tsman("pull", "npm:private");
    expect(pulled.status).toBe(0);
    expect(pulled.stdout + pulled.stderr).not.toContain("very-secret");
  });
});

describe("image to-npm", () => {
  it.each([
    ["a version that is a range", "@team/image@^1.0.0", "neither a version nor a tag"],
    ["no version", "@team/image", "latest is no version"],
    ["a name that npm does not take", "Team/Image@1.0.0", "it has no package name"],
  ])("refuses %s", async (_, name, message) => {
    await using setting = await Setting.create();
    const { status, stderr } = await setting.tsman("image", "to-npm", "busybox", name);
    expect(status).toBe(125);
    expect(stderr).toContain(message);
    expect(readdirSync(setting.directory)).toEqual([]);
  });

  it("writes nothing over what is there, and leaves nothing of what failed", async () => {
    await using setting = await Setting.create();
    const toNpm = ["image", "to-npm", "--quiet"];
    await setting.tsman(...toNpm, "busybox", "image@1.0.0");
    const again = await setting.tsman(...toNpm, "busybox", "image@1.0.0");
    expect(again.status).toBe(125);
    expect(again.stderr).toContain("it is there already");
    const missing = await setting.tsman(...toNpm, "missing", "image@2.0.0");
    expect(missing.status).toBe(125);
    expect(readdirSync(setting.directory)).toEqual(["image-1.0.0"]);
    expect(existsSync(join(setting.directory, "image-1.0.0/oci/index.json"))).toBe(true);
  });
});
