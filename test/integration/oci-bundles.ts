import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { makeRootfs } from "../hostile/direct-launch.ts";
import { patience, Transcript, within } from "../support/wait.ts";
import { projectRoot, type TestStore, type TsmanResult } from "./support.ts";

/** The launcher of the OCI runtime. */
export const ociPath = join(projectRoot, "bin/tsman-oci");

/** The Node that tsman brings. */
export const ownNode =
  ["x64", "arm64"]
    .map((cpu) => join(projectRoot, `node_modules/node-linux-${cpu}/bin/node`))
    .find((path) => existsSync(path)) ?? process.execPath;

/** A wrapper for {@link OciBundles.run}, with which that runs `tsman-oci`, and not Bun. */
export const byNode: readonly string[] = ["env", `TSMAN_NODE=${ownNode}`];

/** A part of a config.json, as far as tests change it. */
export type Config = ReturnType<typeof JSON.parse>;

/** Bundles, and an OCI runtime with a root of its own, in a store's scratch directory. */
export class OciBundles {
  readonly #store: TestStore;
  /** --root */
  readonly root: string;
  readonly rootfs: string;

  constructor(store: TestStore) {
    this.#store = store;
    this.root = join(store.scratch, "oci");
    this.rootfs = makeRootfs(join(store.scratch, "rootfs"));
    for (const name of ["dev", "sys", "etc", "home"]) mkdirSync(join(this.rootfs, name));
  }

  /**
   * Writes a bundle for an ordinary user: one id, no terminal, a shell script.
   *
   * @returns its directory.
   */
  bundle(name: string, script: string, change: (config: Config) => void = () => {}): string {
    const directory = join(this.#store.scratch, `bundle-${name}`);
    mkdirSync(directory, { recursive: true });
    const config = exampleConfig(this.rootfs, script);
    change(config);
    writeFileSync(join(directory, "config.json"), JSON.stringify(config));
    return directory;
  }

  /**
   * Runs `tsman-oci --root ROOT ARGS` to its end, with an empty standard input.
   *
   * @param wrapper a program that starts it.
   */
  async run(args: readonly string[], wrapper: readonly string[] = []): Promise<TsmanResult> {
    const child = this.start(args, wrapper);
    const stdout = new Transcript(child.stdout as NonNullable<typeof child.stdout>);
    const stderr = new Transcript(child.stderr as NonNullable<typeof child.stderr>);
    child.stdin?.end();
    const stays = args.includes("create") || args.includes("--detach");
    const ended = new Promise<TsmanResult>((resolve, reject) => {
      const finish = (status: number | null, signal: NodeJS.Signals | null): void => {
        const { text, bytes } = stdout;
        resolve({ status, signal, stdout: text, stderr: stderr.text, stdoutBytes: bytes });
      };
      child.on("error", reject);
      child.on("close", finish);
      // What stays of a container holds the pipes.
      child.on("exit", (status, signal) => {
        if (stays && status === 0) finish(status, signal);
      });
    });
    return await within(patience, `tsman-oci ${args.join(" ")} to end`, ended);
  }

  /** {@link run}, where anything but status 0 is an error that quotes stderr. */
  async succeed(args: readonly string[], wrapper: readonly string[] = []): Promise<TsmanResult> {
    const result = await this.run(args, wrapper);
    if (result.status === 0) return result;
    throw new Error(`tsman-oci ${args.join(" ")}: status ${result.status}: ${result.stderr}`);
  }

  /** What a script in a container prints that is run and gone. */
  async output(id: string, script: string, change?: (config: Config) => void): Promise<string> {
    const bundle = this.bundle(id, script, change);
    return (await this.succeed(["run", "--bundle", bundle, id])).stdout;
  }

  /** `state ID` */
  async state(id: string): Promise<Config> {
    return JSON.parse((await this.succeed(["state", id])).stdout);
  }

  /** Starts `tsman-oci --root ROOT ARGS`. */
  start(args: readonly string[], wrapper: readonly string[] = []): ChildProcess {
    const [program, ...before] = [...wrapper, ociPath];
    return spawn(program, [...before, "--root", this.root, ...args], {
      cwd: this.#store.scratch,
      env: this.#store.environment(),
      stdio: ["pipe", "pipe", "pipe"],
    });
  }

  /** A file of the store's scratch directory. */
  file(name: string): string {
    return join(this.#store.scratch, name);
  }

  /** Its text. */
  read(name: string): string {
    return readFileSync(this.file(name), "utf8");
  }
}

function exampleConfig(rootfs: string, script: string): Config {
  const { uid, gid } = userInfo();
  const map = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
  return {
    ociVersion: "1.2.0",
    root: { path: rootfs },
    process: {
      user: { uid: 0, gid: 0 },
      args: ["sh", "-c", script],
      env: ["PATH=/bin"],
      cwd: "/",
    },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755"] },
      { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance"] },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev"] },
    ],
    linux: {
      namespaces: ["user", "mount", "pid", "ipc", "uts", "network", "cgroup"].map((type) => ({
        type,
      })),
      uidMappings: map(uid),
      gidMappings: map(gid),
    },
  };
}
