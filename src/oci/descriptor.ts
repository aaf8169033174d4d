import * as z from "zod/mini";
import { type Digest, digestFault, isDigest } from "./digest.ts";
import { stringMap } from "./document.ts";
import type { Platform } from "./platform.ts";

/** What a document says about a blob that it points to; image-spec/descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes; a safe integer, not negative. */
  readonly size: number;
  /** In an index only. */
  readonly platform?: Platform | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Kept as data: tsman never fetches from there (case S50). */
  readonly urls?: readonly string[] | undefined;
}

/** A digest in a document. */
export const digestSchema = z.pipe(
  z.string().check(
    z.refine((text) => isDigest(text), {
      error: (issue) => `is no digest: ${digestFault(String(issue.input))}`,
    }),
  ),
  z.transform((text) => text as Digest),
);

const platformSchema = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.nullish(z.string()),
});

/** The schema of a descriptor as it stands in a manifest or index. */
export const descriptorSchema = z.pipe(
  z.object({
    mediaType: z.string().check(z.minLength(1, "should name a media type")),
    digest: digestSchema,
    // Checked here, before anything is allocated or asked for by it (case S59).
    size: z.number("should be a number").check(
      z.refine((size) => Number.isSafeInteger(size) && size >= 0, {
        error: "should be a whole number of bytes",
      }),
    ),
    platform: z.nullish(platformSchema),
    annotations: z.nullish(stringMap),
    urls: z.nullish(z.array(z.string())),
  }),
  z.transform(({ mediaType, digest, size, platform, annotations, urls }): Descriptor => {
    return {
      mediaType,
      digest,
      size,
      ...(platform && { platform: platformOf(platform) }),
      ...(annotations && { annotations }),
      ...(urls && { urls }),
    };
  }),
);

function platformOf(wire: z.infer<typeof platformSchema>): Platform {
  const { os, architecture, variant } = wire;
  return variant ? { os, architecture, variant } : { os, architecture };
}
