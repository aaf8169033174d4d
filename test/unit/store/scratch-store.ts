import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { defaultContainerOptions } from "../../../src/container/options.ts";
import type { ChainId, DiffId, Digest } from "../../../src/oci/digest.ts";
import { sha256Digest } from "../../../src/oci/digest.ts";
import type { ContainerRecord } from "../../../src/store/containers.ts";
import type { ImageRecord } from "../../../src/store/images.ts";
import { openStore, type Store, type StorePaths } from "../../../src/store/store.ts";

/** A store of its own below the temporary directory, removed at the end of the scope. */
export interface ScratchStore extends StorePaths, Disposable {
  readonly store: Store;
  /** The directory that holds root and runtime directory. */
  readonly base: string;
}

export function scratchDirectory(): string {
  return mkdtempSync(path.join(os.tmpdir(), "tsman-store-"));
}

export function storePaths(base: string): StorePaths {
  return { root: path.join(base, "root"), runtimeDir: path.join(base, "run") };
}

export function scratchStore(): ScratchStore {
  const base = scratchDirectory();
  const paths = storePaths(base);
  const store = openStore(paths);
  return {
    ...paths,
    base,
    store,
    [Symbol.dispose]: () => {
      store.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** Sixteen hexadecimal digits, as an id mapping has. */
export const mappingKey = "0123456789abcdef";

export const digestOf = (text: string): Digest => sha256Digest(text);
export const chainIdOf = (text: string): ChainId => sha256Digest(text) as string as ChainId;
export const containerIdOf = (text: string): string => digestOf(text).slice("sha256:".length);

export function imageRecord(name: string, overrides: Partial<ImageRecord> = {}): ImageRecord {
  const layer = `layer of ${name}`;
  const diffId = digestOf(layer) as string as DiffId;
  return {
    id: digestOf(`config of ${name}`),
    manifestDigest: digestOf(`manifest of ${name}`),
    config: {
      os: "linux",
      architecture: "amd64",
      created: "2026-01-02T03:04:05Z",
      config: {
        user: "",
        env: ["PATH=/bin"],
        entrypoint: null,
        cmd: ["sh"],
        workingDir: "/",
        labels: { __proto__: "x" } as Record<string, string>,
        exposedPorts: [],
        volumes: [],
      },
      rootfs: { diffIds: [diffId] },
      history: [],
    },
    layers: [
      {
        diffId,
        chainId: chainIdOf(layer),
        blob: digestOf(`blob of ${name}`),
        size: 10,
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      },
    ],
    size: 10,
    createdAt: "2026-01-02T03:04:05Z",
    names: [`docker.io/library/${name}:latest`],
    digests: [`docker.io/library/${name}@${digestOf(`manifest of ${name}`)}`],
    ...overrides,
  };
}

export function containerRecord(
  name: string,
  overrides: Partial<ContainerRecord> = {},
): ContainerRecord {
  return {
    id: containerIdOf(name),
    name,
    imageName: "docker.io/library/alpine:latest",
    createdAt: "2026-01-02T03:04:05Z",
    options: defaultContainerOptions,
    command: ["sh"],
    stopSignal: "SIGTERM",
    mapping: {
      uid: [],
      gid: [],
      denySetgroups: false,
      single: false,
      key: mappingKey,
      because: "a test",
    },
    ports: [],
    anonymousVolumes: [],
    ...overrides,
  };
}

/**
 * Starts `store-worker.ts` in a process of its own; it does nothing before its stdin ends.
 *
 * @param uid the user to be, where the test is root.
 */
export function startWorker(
  task: string,
  base: string,
  args: readonly string[] = [],
  uid?: number,
): ChildProcess {
  const worker = path.join(import.meta.dirname, "store-worker.ts");
  return spawn(process.execPath, [worker, task, base, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    cwd: "/",
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

/** Lets a worker begin, and waits for its end. */
export async function finishWorker(
  worker: ChildProcess,
): Promise<{ status: number | null; signal: string | null; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  worker.stdout?.on("data", (chunk) => {
    stdout += String(chunk);
  });
  worker.stderr?.on("data", (chunk) => {
    stderr += String(chunk);
  });
  const closed = once(worker, "close") as Promise<[number | null, string | null]>;
  worker.stdin?.end();
  const [status, signal] = await closed;
  return { status, signal, stdout, stderr };
}
