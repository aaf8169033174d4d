import { readFileSync } from "node:fs";
import * as z from "zod/mini";

/** The part of a container's config.json that is shown to people. */
const bundleSchema = z.object({
  hostname: z.optional(z.string()),
  process: z.object({
    args: z.array(z.string()),
    env: z.array(z.string()),
    cwd: z.string(),
    user: z.object({ username: z.string() }),
  }),
  mounts: z.array(
    z.object({ destination: z.string(), source: z.string(), options: z.array(z.string()) }),
  ),
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
