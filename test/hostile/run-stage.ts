import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { projectRoot, TestStore } from "../integration/support.ts";
import { FaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { type BuiltLayer, layerOf, type TarBuilder } from "../support/tar-builder.ts";
import { patience, within } from "../support/wait.ts";

/** What the hostile image is, on top of busybox. */
export interface HostileImage {
  /** Its own layers; the first is above busybox. */
  readonly layers?: readonly TarBuilder[];
  /** `config` of the image configuration: Entrypoint, WorkingDir, Volumes … */
  readonly config?: object;
  /** Without busybox below. */
  readonly fromScratch?: boolean;
}

/**
 * A registry that serves hostile images, a store to run them from, and files on the host that must
 * come out of it unchanged.
 */
export class RunStage implements AsyncDisposable {
  readonly store: TestStore;
  readonly registry: FaultyRegistry;
  readonly #busybox: BuiltLayer;
  readonly #before: string;
  #images = 0;
  #files = 0;

  private constructor(store: TestStore, registry: FaultyRegistry) {
    this.store = store;
    this.registry = registry;
    this.#busybox = readBusyboxLayer();
    const victim = this.victim();
    mkdirSync(join(victim, "directory"), { recursive: true });
    writeFileSync(join(victim, "file"), "do not touch\n");
    writeFileSync(join(victim, "directory/inner"), "do not touch\n");
    writeFileSync(join(victim, "program"), "#!/bin/sh\necho host program\n", { mode: 0o755 });
    this.#before = fingerprint(victim);
  }

  static async create(): Promise<RunStage> {
    return new RunStage(await TestStore.create(), await new FaultyRegistry().listen());
  }

  /** The victim's directory, or the path of what is in it. */
  victim(name = ""): string {
    return join(this.store.scratch, "victim", name);
  }

  /** Fails the test unless all of the victim is as it was: names, modes, times, contents. */
  expectVictimIntact(): void {
    expect(fingerprint(this.victim())).toBe(this.#before);
  }

  /** A new empty directory on the host, to be given to a container. */
  directory(): string {
    this.#files += 1;
    const path = join(this.store.scratch, `given-${this.#files}`);
    mkdirSync(path);
    return path;
  }

  /** Serves an image and returns its reference. */
  image({ layers = [], config = {}, fromScratch = false }: HostileImage): string {
    this.#images += 1;
    const name = `hostile/${this.#images}`;
    const own = layers.map((layer) => layerOf(layer.build()));
    addImage(this.registry, {
      name,
      layers: fromScratch ? own : [this.#busybox, ...own],
      config: { Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], ...config },
    });
    return `${this.registry.host}/${name}`;
  }

  /** `tsman run --rm --network none ARGS`. */
  async run(...args: readonly string[]) {
    return await this.store.run(["run", "--rm", "--quiet", "--network=none", ...args]);
  }

  /**
   * The same in the background; resolves when the program runs.  It ends after ten minutes: nobody
   * else ends it when the tests are interrupted.
   */
  async background(...args: readonly string[]): Promise<BackgroundContainer> {
    const network = args.some((arg) => arg.startsWith("--net")) ? [] : ["--network=none"];
    const pidFile = this.pidFile();
    const started = await this.store.succeed([
      ..."run --detach --quiet --timeout 600 --pidfile".split(" "),
      pidFile,
      ...network,
      ...args,
    ]);
    const id = started.stdout.trim();
    return {
      id,
      pid: Number(readFileSync(pidFile, "utf8")),
      [Symbol.asyncDispose]: async () => {
        await this.store.succeed(["rm", "--force", "--time", "0", "--volumes", "--ignore", id]);
      },
    };
  }

  /** A path for --pidfile that does not exist yet. */
  pidFile(): string {
    this.#files += 1;
    return join(this.store.scratch, `pid-${this.#files}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry.close();
    await within(patience, "the store to be removed", this.store[Symbol.asyncDispose]());
  }
}

/** A container that runs until the end of the scope. */
export interface BackgroundContainer extends AsyncDisposable {
  readonly id: string;
  /** Of its init, here. */
  readonly pid: number;
}

/** One stage for all tests of a file; after each test file the victim is looked at once more. */
export function useStage(): () => RunStage {
  let stage: RunStage | undefined;
  beforeAll(async () => {
    stage = await RunStage.create();
  });
  afterAll(async () => {
    stage?.expectVictimIntact();
    await stage?.[Symbol.asyncDispose]();
  });
  return () => {
    if (stage === undefined) throw new Error("the stage exists only while tests run");
    return stage;
  };
}

/** Everything about a tree that an attack could change, as text. */
export function fingerprint(path: string): string {
  const { mode, uid, gid, size, mtimeNs, nlink } = lstatSync(path, { bigint: true });
  const kind = Number(mode) & 0o170000;
  const facts = [path, mode.toString(8), uid, gid, mtimeNs, nlink];
  if (kind === 0o120000) return [...facts, readlinkSync(path)].join(" ");
  if (kind === 0o100000) {
    const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
    return [...facts, size, hash].join(" ");
  }
  if (kind !== 0o040000) return facts.join(" ");
  const names = readdirSync(path).sort();
  return [facts.join(" "), ...names.map((name) => fingerprint(join(path, name)))].join("\n");
}

/** The layer of the embedded image, as the build has left it. */
function readBusyboxLayer(): BuiltLayer {
  const layout = join(projectRoot, "dist/images/busybox");
  const blob = (digest: string) => readFileSync(join(layout, "blobs", digest.replace(":", "/")));
  const json = (digest: string) => JSON.parse(blob(digest).toString("utf8"));
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8"));
  const manifest = json(index.manifests[0].digest);
  const [layer] = manifest.layers;
  return {
    tar: Buffer.alloc(0),
    blob: blob(layer.digest),
    digest: layer.digest,
    diffId: json(manifest.config.digest).rootfs.diff_ids[0],
    mediaType: layer.mediaType,
  };
}
