import { existsSync, statSync } from "node:fs";
import path from "node:path";
import type { ChainId } from "../../oci/digest.ts";
import type { IdMapping } from "../../rootless/id-mapping.ts";
import { collectContent } from "../../store/gc.ts";
import type { CheckOptions } from "../check-types.ts";
import { containerState, isUp } from "../containers/find-container.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { ensureLayers } from "../images/ensure-layers.ts";
import { originClient } from "../images/origin-client.ts";
import { compareLayers, type LayerUse } from "./compare-layers.ts";
import { type Fault, maxAgeOf } from "./fault.ts";

/**
 * Whether every layer that counts as unpacked is there, for each id mapping, and, unless it has to
 * be quick, holds what its blob says.
 */
export async function* examineLayers(
  context: EngineContext,
  options: CheckOptions,
): AsyncGenerator<Fault> {
  const { layers, images } = context.store;
  const mappings = knownMappings(context);
  const uses = new Map<ChainId, LayerUse>();
  for (const image of images.list()) {
    for (const [index, layer] of image.layers.entries()) uses.set(layer.chainId, { image, index });
  }
  const present = new Map<IdMapping, LayerUse[]>();
  for (const { mappingKey, chainId } of layers.list()) {
    const fault = { kind: "layer", subject: `${chainId}, ids ${mappingKey}` } as const;
    const use = uses.get(chainId);
    const directory = layers.diffPath(mappingKey, chainId);
    if (use === undefined) {
      if (!isOlder(path.dirname(directory), maxAgeOf(options))) continue;
      const mend = (): Promise<string> => collectUnused(context, directory);
      yield { ...fault, problem: "no image needs it", mend };
      continue;
    }
    const mapping = mappings.get(mappingKey);
    const mend = (): Promise<string> => unpackAgain(context, use, mappingKey, mapping);
    if (!existsSync(directory)) {
      yield { ...fault, problem: `${directory} is missing`, mend };
      continue;
    }
    if (mapping === undefined) continue;
    const others = present.get(mapping);
    if (others === undefined) present.set(mapping, [use]);
    else others.push(use);
  }
  if (options.quick === true) return;
  for (const [mapping, there] of present) {
    // The lower ones first: directories that a layer only implies are like theirs.
    there.sort((a, b) => a.index - b.index);
    for await (const use of compare(context, there, mapping)) {
      const chainId = use.image.layers[use.index]?.chainId;
      yield {
        kind: "layer",
        subject: `${chainId}, ids ${mapping.key}`,
        problem: "its files are not those of its blob",
        mend: () => unpackAgain(context, use, mapping.key, mapping),
      };
    }
  }
}

/** Layers whose files are not those of their blob; one without an intact blob cannot be compared. */
async function* compare(
  context: EngineContext,
  uses: readonly LayerUse[],
  mapping: IdMapping,
): AsyncGenerator<LayerUse> {
  const { blobs } = context.store;
  const comparable: LayerUse[] = [];
  for (const use of uses) {
    const blob = use.image.layers[use.index]?.blob;
    // Said of the image already.
    if (blob !== undefined && (await blobs.isIntact(blob))) comparable.push(use);
  }
  yield* await compareLayers(context, comparable, mapping);
}

/** By key: that of the caller, and those of containers. */
function knownMappings(context: EngineContext): ReadonlyMap<string, IdMapping> {
  const mappings = [
    mappingFor(context, { mode: "default" }),
    ...context.store.containers.list().map((record) => record.mapping),
  ];
  return new Map(mappings.map((mapping) => [mapping.key, mapping]));
}

async function collectUnused(context: EngineContext, directory: string): Promise<string> {
  await collectContent(context.store, { removeTree: (tree) => discardTree(context, tree) });
  if (existsSync(directory)) throw new Error("an image is being fetched");
  return "removed";
}

async function unpackAgain(
  context: EngineContext,
  { image, index }: LayerUse,
  mappingKey: string,
  mapping: IdMapping | undefined,
): Promise<string> {
  const { layers } = context.store;
  const chainId = image.layers[index]?.chainId as ChainId;
  const user = userOf(context, chainId, mappingKey);
  if (user !== undefined) throw new Error(`container ${user} runs on it: stop it first`);
  await using lock = await layers.lock(mappingKey, chainId);
  const waste = layers.remove(mappingKey, chainId);
  lock.release();
  if (waste !== undefined) await discardTree(context, waste);
  // Whoever needs it unpacks it then.
  if (mapping === undefined) return "removed";
  // A blob that is not there any more comes from where it came.
  await using client = originClient(context, image, {});
  await ensureLayers(context, image, { mapping, client });
  return "unpacked again";
}

/** The name of a running container whose root file system has this layer. */
function userOf(context: EngineContext, chainId: ChainId, mappingKey: string): string | undefined {
  const { containers, images } = context.store;
  const user = containers.list().find((record) => {
    if (record.imageId === undefined || record.mapping.key !== mappingKey) return false;
    const layers = images.findById(record.imageId)?.layers ?? [];
    const isMeant = layers.some((layer) => layer.chainId === chainId);
    return isMeant && isUp(containerState(context, record));
  });
  return user?.name;
}

function isOlder(directory: string, age: number): boolean {
  const status = statSync(directory, { throwIfNoEntry: false });
  return status === undefined || Date.now() - status.ctimeMs >= age;
}
