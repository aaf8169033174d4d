import { readFileSync } from "node:fs";
import * as z from "zod/mini";

const texts = z.array(z.string());
const idRanges = z.array(
  z.object({ containerID: z.number(), hostID: z.number(), size: z.number() }),
);

/** The part of a container's config.json that is shown to people. */
const bundleSchema = z.object({
  hostname: z.optional(z.string()),
  process: z.object({
    args: texts,
    env: texts,
    cwd: z.string(),
    user: z.object({ username: z.string(), umask: z.optional(z.number()) }),
    capabilities: z.object({ effective: texts, bounding: texts }),
    rlimits: z.array(z.object({ type: z.string(), soft: z.number(), hard: z.number() })),
  }),
  mounts: z.array(z.object({ destination: z.string(), source: z.string(), options: texts })),
  linux: z.object({
    uidMappings: z.optional(idRanges),
    gidMappings: z.optional(idRanges),
    maskedPaths: z.optional(texts),
    readonlyPaths: z.optional(texts),
  }),
});

/** The part of an OCI runtime configuration that is shown to people. */
export type BundleDocument = z.infer<typeof bundleSchema>;

/** Reads a container's config.json; undefined when it is missing or damaged. */
export function readBundleDocument(file: string): BundleDocument | undefined {
  try {
    return bundleSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}
