import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { type Descriptor, descriptorSchema } from "./descriptor.ts";
import { emptyStringMap, parseDocument, stringMap } from "./document.ts";
import {
  isImageConfigType,
  isIndexType,
  isManifestType,
  layerCompression,
  mediaTypeOfHeader,
  mediaTypes,
} from "./media-types.ts";

/** A larger manifest or index is refused; the limit that registries have, too. */
export const maxManifestBytes = 4 * 1024 * 1024;

/** One image for one platform; image-spec/manifest.md. */
export interface Manifest {
  readonly kind: "manifest";
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** Images for several platforms; image-spec/image-index.md, Docker's manifest list. */
export interface Index {
  readonly kind: "index";
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

const manifestSchema = z.object({
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
  annotations: z.nullish(stringMap),
});

const indexSchema = z.object({
  manifests: z.array(descriptorSchema),
  annotations: z.nullish(stringMap),
});

/** What tells a manifest from an index, before either is believed. */
const shapeSchema = z.object({
  schemaVersion: z.optional(z.unknown()),
  config: z.optional(z.unknown()),
  layers: z.optional(z.unknown()),
  manifests: z.optional(z.unknown()),
  mediaType: z.nullish(z.string()),
});

/** Types that say nothing about the body; some registries and proxies send them. */
const genericTypes = new Set(["application/json", "application/octet-stream", "text/plain"]);

/**
 * Reads what a registry (or a file) gives as manifest or index.
 *
 * Everything that says what the bytes are must agree: the Content-Type header, the descriptor that
 * led here, the document's own mediaType and its shape.  A document that can be read both ways is
 * refused (case S63, CVE-2021-41190).
 *
 * @param contentType the header; undefined for a file
 * @param descriptor what pointed to it, if anything did
 * @param of what it is the manifest of, for messages
 * @throws TsmanError MANIFEST_INVALID
 */
export function parseManifestOrIndex(
  bytes: Uint8Array,
  contentType: string | undefined,
  descriptor?: Pick<Descriptor, "mediaType" | "digest">,
  of?: string,
): Manifest | Index {
  const which = descriptor === undefined ? "manifest" : `manifest ${descriptor.digest}`;
  const what = of === undefined ? which : `${which} of ${of}`;
  if (mediaTypeOfHeader(contentType) === "text/html") {
    throw invalid(
      what,
      "it is a web page",
      "something between here and the registry may answer for it: a proxy, or a page to log in at",
    );
  }
  const rules = { what, code: "MANIFEST_INVALID", maxBytes: maxManifestBytes } as const;
  const shape = parseDocument(shapeSchema, bytes, rules);
  const mediaType = agreedMediaType(what, shape, contentType, descriptor?.mediaType);
  const hasLayers = shape.layers !== undefined || shape.config !== undefined;
  if (shape.schemaVersion !== 2) {
    throw invalid(what, "schemaVersion is not 2", oldSchema.hint);
  }
  if (shape.manifests !== undefined && hasLayers) {
    throw invalid(what, "it has both layers and manifests, so it can be read in two ways");
  }
  if (isIndexType(mediaType)) {
    const { manifests, annotations } = parseDocument(indexSchema, bytes, rules);
    return { kind: "index", mediaType, manifests, annotations: annotations ?? emptyStringMap() };
  }
  const { config, layers, annotations } = parseDocument(manifestSchema, bytes, rules);
  return {
    kind: "manifest",
    mediaType,
    config,
    layers,
    annotations: annotations ?? emptyStringMap(),
  };
}

const oldSchema = {
  why: "it is of Docker's schema 1, a format that was given up in 2015",
  hint: "push the image again with a current tool, or convert it: skopeo copy --format v2s2",
} as const;

function agreedMediaType(
  what: string,
  shape: z.infer<typeof shapeSchema>,
  contentType: string | undefined,
  promised: string | undefined,
): string {
  const header = mediaTypeOfHeader(contentType);
  const said = header === undefined || genericTypes.has(header) ? undefined : header;
  const own = shape.mediaType ?? undefined;
  const mediaType = own ?? said ?? promised;
  if (mediaType === undefined) throw invalid(what, "nothing says what media type it is of");
  for (const [who, other] of [
    ["its Content-Type header", said],
    ["the descriptor that led to it", promised],
  ] as const) {
    if (other !== undefined && other !== mediaType) {
      throw invalid(
        what,
        `it says that it is ${printable(mediaType)}, but ${who} says ${printable(other)}`,
      );
    }
  }
  if (isManifestType(mediaType) || isIndexType(mediaType)) return mediaType;
  if (mediaType.startsWith("application/vnd.docker.distribution.manifest.v1+")) {
    throw invalid(what, oldSchema.why, oldSchema.hint);
  }
  throw invalid(what, `media type ${printable(mediaType)} is not that of an image`);
}

/**
 * Checks that a manifest is that of a container image whose layers tsman can unpack, rather than of
 * some other artifact that registries hold too (a chart, a signature, an encrypted image).
 *
 * @throws TsmanError MANIFEST_INVALID
 */
export function requireRunnableManifest(manifest: Manifest, what: string): void {
  if (!isImageConfig(manifest)) {
    throw invalid(
      what,
      `it is not a container image: its config is ${printable(manifest.config.mediaType)}`,
      "tsman image copy takes it elsewhere as it is",
    );
  }
  for (const layer of manifest.layers) {
    if (layerCompression(layer.mediaType) === undefined) {
      throw invalid(
        what,
        `layer ${layer.digest} is of media type ${printable(layer.mediaType)}, which cannot be unpacked`,
      );
    }
  }
}

/**
 * Whether a manifest is that of an image.  Builders of Docker's first years have written types that
 * say nothing, which Docker takes to this day (distribution issue 1621).
 */
export function isImageConfig({ mediaType, config }: Manifest): boolean {
  return (
    isImageConfigType(config.mediaType) ||
    (mediaType === mediaTypes.dockerManifest && untoldConfigTypes.has(config.mediaType))
  );
}

const untoldConfigTypes = new Set(["application/octet-stream", "application/json", "text/html"]);

function invalid(what: string, why: string, hint?: string): TsmanError {
  return new TsmanError("MANIFEST_INVALID", `read ${what}: ${why}`, { hint });
}

/** A text from outside in a message: short and without control characters (case S35). */
function printable(text: string): string {
  return text.slice(0, 120).replace(/[^\x20-\x7e]/g, "?");
}
