import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTsmanError, type TsmanError } from "../../src/errors/index.ts";
import {
  defaultUnpackLimits,
  removeTree,
  type UnpackedLayer,
  type UnpackLayerOptions,
  type UnpackLimits,
  unpackLayer,
} from "../../src/layer/index.ts";
import type { UsernsMaps } from "../../src/platform/userns.ts";
import { readHostIds } from "../../src/rootless/host-ids.ts";
import { resolveIdMapping } from "../../src/rootless/id-mapping.ts";
import { type BuiltLayer, layerOf } from "./tar-builder.ts";
import { xattrsOf } from "./xattr.ts";

/** What {@link UnpackStage.unpack} takes besides an archive. */
export interface StageOptions
  extends Partial<Omit<UnpackLayerOptions, "limits" | "targetDir" | "diffId">> {
  readonly compression?: "gzip" | "zstd" | "none";
  readonly limits?: Partial<UnpackLimits>;
  readonly diffId?: string;
}

/**
 * A layer's directory with something beside it that an archive may want to get at:
 *
 *     stage/layer      where layers are unpacked
 *     stage/layer-2    the same name and more (the prefix mistake of CVE-2025-48387)
 *     stage/victim     what nobody may touch: file, executable, directory, link
 *
 * All of it is writable for everybody, so that only the unpacker's own care protects it.
 *
 *     await using stage = await UnpackStage.make();
 *     await stage.unpack(new TarBuilder().file("../victim/file", "x").build());
 */
export class UnpackStage {
  readonly directory: string;
  readonly mapping: UsernsMaps;

  private constructor(directory: string, mapping: UsernsMaps) {
    this.directory = directory;
    this.mapping = mapping;
  }

  static async make(): Promise<UnpackStage> {
    const mapping = resolveIdMapping({ mode: "default" }, readHostIds());
    const stage = new UnpackStage(mkdtempSync(join(tmpdir(), "tsman-stage-")), mapping);
    const open = (path: string) => {
      mkdirSync(path);
      chmodSync(path, 0o2777);
    };
    // Set-group-ID, as many home directories are: it must not be passed on to layers.
    chmodSync(stage.directory, 0o2777);
    for (const name of ["layer", "layer-2", "victim", "victim/directory"]) {
      open(join(stage.directory, name));
    }
    for (const name of ["victim/file", "victim/directory/inner", "layer-2/file"]) {
      writeFileSync(join(stage.directory, name), "do not touch\n");
      chmodSync(join(stage.directory, name), 0o666);
    }
    symlinkSync("file", join(stage.directory, "victim/link"));
    return stage;
  }

  /** The layer's directory, or the path of something in it. */
  layer(path: string | Buffer = ""): Buffer {
    return Buffer.concat([Buffer.from(`${this.directory}/layer/`), Buffer.from(path)]);
  }

  /** Absolute path of the victim's file. */
  get victim(): string {
    return join(this.directory, "victim/file");
  }

  /** Unpacks an archive, or a layer that was built before, into the layer's directory. */
  unpack(archive: Buffer | BuiltLayer, options: StageOptions = {}): Promise<UnpackedLayer> {
    const { compression = "gzip", limits, diffId, ...rest } = options;
    const built = Buffer.isBuffer(archive) ? layerOf(archive, compression) : archive;
    return unpackLayer({
      source: chunksOf(built.blob),
      mediaType: built.mediaType,
      mapping: this.mapping,
      ...rest,
      diffId: (diffId ?? built.diffId) as UnpackLayerOptions["diffId"],
      targetDir: this.layer().toString(),
      limits: { ...defaultUnpackLimits, ...limits },
    });
  }

  /** The error with which unpacking an archive ends; fails if it does not. */
  async refusal(archive: Buffer | BuiltLayer, options: StageOptions = {}): Promise<TsmanError> {
    try {
      await this.unpack(archive, options);
    } catch (error) {
      if (isTsmanError(error)) return error;
      throw error;
    }
    throw new Error("the archive was unpacked");
  }

  /**
   * Everything outside the layer: names, bytes, modes, owners, links, and the time of the last
   * change of any of these, which nobody can set back.
   */
  outside(): Record<string, unknown> {
    const found: Record<string, unknown> = { ".": describe(this.directory) };
    // Node's own recursion follows links.
    const visit = (path: string): void => {
      found[path] = describe(join(this.directory, path));
      if (!lstatSync(join(this.directory, path)).isDirectory()) return;
      for (const name of readdirSync(join(this.directory, path))) visit(`${path}/${name}`);
    };
    for (const name of readdirSync(this.directory)) if (name !== "layer") visit(name);
    return found;
  }

  /** Paths of everything in the layer, sorted, as byte strings. */
  names(path = ""): string[] {
    const directory = this.layer(Buffer.from(path, "latin1"));
    const names = readdirSync(directory, { encoding: "latin1" }).flatMap((name) => {
      const child = path === "" ? name : `${path}/${name}`;
      const isDirectory = lstatSync(this.layer(Buffer.from(child, "latin1"))).isDirectory();
      return isDirectory ? [child, ...this.names(child)] : [child];
    });
    return names.sort();
  }

  /** Text of a file of the layer. */
  read(path: string): string {
    return readFileSync(this.layer(path), "utf8");
  }

  /** Extended attributes of something in the layer. */
  xattrs(path: string): Record<string, Buffer> {
    return xattrsOf(this.layer(path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeTree(join(this.directory, "layer"), this.mapping);
    await rm(this.directory, { recursive: true, force: true });
  }
}

function describe(path: string): Record<string, unknown> {
  const status = lstatSync(path, { bigint: true });
  return {
    ino: status.ino,
    mode: status.mode,
    owner: `${status.uid}:${status.gid}`,
    links: status.nlink,
    changed: status.ctimeNs,
    content: status.isFile()
      ? createHash("sha256").update(readFileSync(path)).digest("hex")
      : status.isSymbolicLink()
        ? readlinkSync(path)
        : undefined,
  };
}

/** In pieces, as a network gives them. */
export function* pieces(bytes: Buffer, size = 60_000): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield* pieces(bytes);
}
