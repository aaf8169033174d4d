import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { until } from "../support/wait.ts";
import { addRandomImage, busyboxLayer, release } from "./served-images.ts";
import { layerDirectories } from "./stored-layer.ts";
import { TestStore } from "./support.ts";

const mebibyte = 1024 * 1024;

describe("a tag that names another image by now", () => {
  it("is pulled with --policy newer, once; without it what is there is used", async () => {
    await using registry = await startFaultyRegistry();
    await using store = await TestStore.create();
    const busybox = await busyboxLayer();
    const name = `${registry.host}/app`;
    const pull = async (policy: string) => {
      const { stdout } = await store.succeed(["pull", "--quiet", "--policy", policy, name]);
      return `sha256:${stdout.trim()}`;
    };
    const { configDigest: first } = await release(registry, busybox, "one");
    expect(await pull("newer")).toBe(first);
    const { configDigest: second } = await release(registry, busybox, "two");
    expect(await pull("missing")).toBe(first);
    expect(await pull("newer")).toBe(second);
    const asked = registry.requestsOf("blob").length;
    expect(await pull("newer")).toBe(second);
    expect(registry.requestsOf("blob")).toHaveLength(asked);
  });

  it("is pulled though the image that is there has a name of this host too", async () => {
    await using registry = await startFaultyRegistry();
    await using store = await TestStore.create();
    const busybox = await busyboxLayer();
    const name = `${registry.host}/app`;
    const pull = async (...options: string[]) =>
      `sha256:${(await store.succeed(["pull", "--quiet", ...options, name])).stdout.trim()}`;
    const { configDigest: first } = await release(registry, busybox, "one");
    expect(await pull()).toBe(first);
    await store.succeed(["tag", name, "mine"]);
    const { configDigest: second } = await release(registry, busybox, "two");
    expect(await pull("--policy", "newer")).toBe(second);
    const { configDigest: third } = await release(registry, busybox, "three");
    expect(await pull()).toBe(third);
    // The other name still means what it meant, and no registry is asked for it.
    const { stdout } = await store.succeed(["pull", "--quiet", "mine"]);
    expect(`sha256:${stdout.trim()}`).toBe(first);
  });

  it("is run with --pull newer", async () => {
    await using registry = await startFaultyRegistry();
    await using store = await TestStore.create();
    const busybox = await busyboxLayer();
    const run = async (policy: string) => {
      const options = ["run", "--rm", "--quiet", "--network", "none", "--pull", policy];
      return (await store.succeed([...options, `${registry.host}/app`])).stdout;
    };
    await release(registry, busybox, "one");
    expect(await run("newer")).toBe("one");
    await release(registry, busybox, "two");
    expect(await run("missing")).toBe("one");
    expect(await run("newer")).toBe("two");
    // What is there is good enough when the registry cannot say.
    registry.fault({ on: "manifest", method: "*", action: { kind: "status", status: 404 } });
    expect(await run("newer")).toBe("two");
  });
});

describe("a blob that changes between two requests for parts of it", () => {
  it("is refused, leaves nothing, and the next pull gets it", async () => {
    await using registry = await startFaultyRegistry();
    await using store = await TestStore.create();
    const image = addRandomImage(registry, [4]);
    const other = addRandomImage(registry, [4]).layers[0]?.blob ?? "";
    const { digest = "", diffId = "" } = image.layers[0] ?? {};
    const fault = { on: "blob", reference: digest } as const;
    registry.fault({ ...fault, times: 1, action: { kind: "short-body", bytes: 3 * mebibyte } });
    registry.fault({ ...fault, action: { kind: "replace", body: other } });
    const { status, stderr } = await store.run(["pull", "--quiet", image.reference]);
    const ranges = registry.requestsOf("blob", digest).map(({ range }) => range !== undefined);
    expect(ranges.slice(0, 2)).toEqual([false, true]);
    expect(status).toBe(125);
    expect(stderr).toMatch(new RegExp(`${digest.slice(7, 19)}|${diffId.slice(7, 19)}`));
    expect(layerDirectories(store)).toEqual([]);
    expect(readdirSync(join(store.root, "blobs/partial"))).toEqual([]);
    registry.clearFaults();
    await store.succeed(["pull", "--quiet", image.reference]);
  });
});

describe("a file of credentials", () => {
  it("that may not be read is named, and is not taken for one without credentials", async () => {
    const [username, password] = ["me", "very-secret"];
    const credentials = { kind: "basic", username, password } as const;
    await using registry = await startFaultyRegistry({ auth: credentials });
    await using store = await TestStore.create();
    const image = addRandomImage(registry);
    const file = join(store.scratch, "auth.json");
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    writeFileSync(file, JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const pull = ["pull", "--quiet", "--authfile", file, image.reference];
    for (const mode of [0o644, 0o400]) {
      chmodSync(file, mode);
      await store.succeed(pull);
    }
    chmodSync(file, 0);
    const { status, stderr } = await store.run(pull);
    expect(status).toBe(125);
    expect(stderr).toContain(file);
    expect(stderr).toMatch(/permission denied/i);
    expect(stderr).not.toContain("secret");
  });
});

/** The unpack worker that a tsman has started. */
function workerOf(parent: number): number | undefined {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return status.includes(`\nPPid:\t${parent}\n`) && command.includes("unpack-worker.js");
      } catch {
        return false;
      }
    });
}

describe("an unpack worker that is killed", () => {
  it("in the middle of a layer is named, leaves nothing, and the next pull works", async () => {
    await using registry = await startFaultyRegistry();
    await using store = await TestStore.create();
    const image = addRandomImage(registry, [4]);
    registry.fault({
      on: "blob",
      action: { kind: "hold", bytes: 3 * mebibyte, until: new Promise(() => {}) },
    });
    const pull = store.start(["pull", "--quiet", image.reference]);
    pull.endInput();
    await until("a file of the layer", () =>
      layerDirectories(store).find((name) =>
        existsSync(join(store.root, "layers", name, "diff/random-0")),
      ),
    );
    process.kill(workerOf(pull.pid) ?? 0, "SIGKILL");
    const { status, stderr } = await pull.ended;
    expect(status).toBe(125);
    expect(stderr).toContain("the unpack worker was ended by SIGKILL");
    expect(stderr).toContain(image.layers[0]?.diffId.slice(7, 19));
    expect(layerDirectories(store)).toEqual([]);
    registry.clearFaults();
    await store.succeed(["pull", "--quiet", image.reference]);
  });
});

describe("an image that is here for another platform", () => {
  it("is named with its platform when no registry has it for the wanted one", async () => {
    await using store = await TestStore.create();
    await using registry = await startFaultyRegistry();
    addImage(registry, { name: "app", layers: [], architecture: "arm64" });
    const name = `${registry.host}/app`;
    const wanted = ["--platform", "linux/s390x"];
    await store.succeed(["pull", "--quiet", "--platform", "linux/arm64", name]);
    for (const pull of ["missing", "never"]) {
      const args = ["run", "--rm", "--network", "none", "--pull", pull, ...wanted, name];
      const { status, stderr } = await store.run(args);
      expect(stderr).toContain(`for linux/s390x: the local one is for linux/arm64`);
      expect(stderr).toContain("--platform linux/arm64");
      expect(status).toBe(125);
    }
  });

  it("is not looked for when the platform is none", async () => {
    await using store = await TestStore.create();
    const { status, stderr } = await store.run(["run", "--platform", "bogus", "nowhere.invalid/x"]);
    expect(stderr).toContain('read platform "bogus"');
    expect(status).toBe(125);
  });
});

describe("the image that came with the installation", () => {
  it("once removed is not listed again until somebody names it", async () => {
    await using store = await TestStore.create();
    const names = async () =>
      (await store.succeed(["images", "--format", "{{.Repository}}"])).stdout;
    expect(await names()).toContain("localhost/busybox");
    await store.succeed(["rmi", "busybox"]);
    expect(await names()).not.toContain("busybox");
    expect((await store.run(["rmi", "busybox"])).stderr).toContain("busybox");
    await store.succeed(["run", "--rm", "--network", "none", "busybox", "true"]);
    expect(await names()).toContain("localhost/busybox");
  });
});
