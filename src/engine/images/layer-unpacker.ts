import type { UnpackedLayer, UnpackOptions, UnpackWorker } from "../../layer/index.ts";
import type { IdMapping } from "../../rootless/id-mapping.ts";
import type { PreparedDirectories } from "../../store/layers.ts";
import { adoptPaths } from "../adopt-paths.ts";
import type { EngineContext } from "../context.ts";

/** Directories that a worker gets at its start: each costs descriptors, here and there. */
const mostDirectories = 64;

/** Where the next layer can be unpacked. */
export interface UnpackSlot {
  /** For `LayerDirectory.begin`; empty, and the container's root's. */
  readonly prepared: string;
  readonly unpack: (options: Omit<UnpackOptions, "directory">) => Promise<UnpackedLayer>;
}

/** A worker and the directories that it has. */
interface Crew {
  readonly worker: UnpackWorker;
  readonly directories: PreparedDirectories;
  /** Position of the next directory. */
  next: number;
}

/**
 * Unpacks layers one after the other, with as few workers as that takes: starting one costs more
 * than to unpack a small layer.
 */
export class LayerUnpacker implements AsyncDisposable {
  readonly #context: EngineContext;
  readonly #mapping: IdMapping;
  readonly #expected: number;
  #crew: Crew | undefined;

  /** @param expected number of layers that will be asked for; more are possible. */
  constructor(context: EngineContext, mapping: IdMapping, expected: number) {
    this.#context = context;
    this.#mapping = mapping;
    this.#expected = Math.min(expected, mostDirectories);
  }

  /** A directory for the next layer; to be used before another one is asked for. */
  async slot(): Promise<UnpackSlot> {
    const crew = await this.#usableCrew();
    const directory = crew.next;
    crew.next += 1;
    return {
      prepared: crew.directories.targets[directory] ?? "",
      unpack: async (options) => await crew.worker.unpack({ ...options, directory }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const crew = this.#crew;
    this.#crew = undefined;
    await crew?.worker[Symbol.asyncDispose]();
    crew?.directories[Symbol.dispose]();
  }

  async #usableCrew(): Promise<Crew> {
    const crew = this.#crew;
    if (crew?.worker.isUsable === true && crew.next < crew.directories.targets.length) return crew;
    await this[Symbol.asyncDispose]();
    this.#crew = await this.#hire();
    return this.#crew;
  }

  async #hire(): Promise<Crew> {
    const mapping = this.#mapping;
    // Schemas of its worker's messages: not for a start whose layers are all there.
    const { UnpackWorker: Worker } = await import("../../layer/index.ts");
    const directories = this.#context.store.layers.prepare(mapping.key, this.#expected);
    try {
      await adoptPaths(this.#context, directories.targets, mapping);
      const worker = Worker.start({ directories: directories.targets, mapping });
      return { worker, directories, next: 0 };
    } catch (error) {
      directories[Symbol.dispose]();
      throw error;
    }
  }
}
