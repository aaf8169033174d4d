import { TsmanError } from "../../errors/index.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseImageLocation } from "../../oci/image-location.ts";
import type { ImageSource } from "../../oci/transfer.ts";
import { verifiedBytes } from "../../oci/verified-bytes.ts";
import type { ManifestListEntry, ManifestListRecord } from "../../store/manifest-lists.ts";
import type { EngineContext } from "../context.ts";
import { gateOf } from "../images/assert-admitted.ts";
import { openSource } from "../images/open-location.ts";
import type { AccessOptions } from "../images/registry-access.ts";
import { readStoredManifest } from "../images/store-source.ts";
import type { PushManifestOptions } from "../manifest-types.ts";
import { indexOf } from "./change-list.ts";

/**
 * Asks the policy for what an entry of a list names; undefined for what is of the store.  The list
 * itself nobody has signed: the index counts that led to the manifest when it was added.
 */
export function gateOfEntry(
  context: EngineContext,
  { digest, source }: ManifestListEntry,
  access: AccessOptions,
): (() => Promise<void>) | undefined {
  const location = parseImageLocation(source);
  const gate = gateOf(context, location, access);
  const pinned = location.transport === "docker" ? location.reference.digest : undefined;
  return gate && (async () => await gate([digest, ...(pinned === undefined ? [] : [pinned])]));
}

/**
 * A list as a place to copy from: blobs that the store lacks come from where each image is.  The
 * store's content should be locked, shared, as long as it is read.
 */
export function listSource(
  context: EngineContext,
  list: ManifestListRecord,
  { signal }: Pick<PushManifestOptions, "signal">,
): ImageSource {
  const { id, names, entries } = list;
  const name = names[0] ?? id;
  const { blobs } = context.store;
  const opened = new Map<string, Promise<ImageSource>>();
  const sourceOf = async (digest: Digest): Promise<ImageSource> => {
    const entry = entries.find((one) => one.blobs.includes(digest));
    if (entry === undefined) {
      // Nothing that an entry names: of an index within the index that was fetched, say.
      throw new TsmanError(
        "IMAGE_NOT_FOUND",
        `read manifest list ${name}: blob ${digest} is lost`,
        {
          hint: "get the list again",
          details: { digest },
        },
      );
    }
    const { source } = entry;
    const known = opened.get(source) ?? openSource(context, parseImageLocation(source), { signal });
    opened.set(source, known);
    return await known;
  };
  return {
    name,
    readManifest: async (digest) => {
      if (digest === undefined) return indexOf(context, list);
      return readStoredManifest(context, name, digest);
    },
    async *readBlob(descriptor, inner) {
      const { digest } = descriptor;
      if (blobs.has(digest)) {
        yield* verifiedBytes(blobs.read(digest), descriptor, `read blob of ${name}`);
      } else {
        yield* (await sourceOf(digest)).readBlob(descriptor, inner);
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const source of opened.values()) {
        await (await source.catch(() => undefined))?.[Symbol.asyncDispose]();
      }
    },
  };
}
