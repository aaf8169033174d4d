import * as z from "zod/mini";
import { findDuration } from "./duration.ts";
import { strictRegistryShape } from "./registry-schema.ts";

const durationText = 'should be a duration like "30s" or "1m30s", from 10ms to 1h';
/** Milliseconds. */
const duration = z.pipe(
  z.string({ error: durationText }).check(
    z.refine((text) => {
      const milliseconds = findDuration(text) ?? 0;
      return milliseconds >= 10 && milliseconds <= 3_600_000;
    }, durationText),
  ),
  z.transform((text) => findDuration(text) ?? 0),
);

function count(min: number, max: number) {
  const error = `should be a whole number from ${min} to ${max}`;
  return z.int({ error }).check(z.minimum(min, error), z.maximum(max, error));
}

const proxyUrl = z
  .string()
  .check(z.refine((text) => text === "" || isProxy(text), "should be like http://proxy:3128"));

function isProxy(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** config.toml; a key that is not here is refused. */
export const configSchema = z.strictObject({
  ...strictRegistryShape,
  transfer: z.optional(
    z.strictObject({
      connections: z.optional(count(1, 64)),
      retries: z.optional(count(0, 100)),
      connect_timeout: z.optional(duration),
      answer_timeout: z.optional(duration),
      stall_timeout: z.optional(duration),
      min_speed: z.optional(count(0, 1_000_000_000)),
      longest_wait: z.optional(duration),
    }),
  ),
  security: z.optional(
    z.strictObject({ quiet_guards: z.optional(z.boolean("should be true or false")) }),
  ),
  storage: z.optional(
    z.strictObject({ keep_blobs: z.optional(z.boolean("should be true or false")) }),
  ),
  pull: z.optional(z.strictObject({ partial: z.optional(z.boolean("should be true or false")) })),
  proxy: z.optional(
    z.strictObject({
      http: z.optional(proxyUrl),
      https: z.optional(proxyUrl),
      no_proxy: z.optional(z.array(z.string())),
    }),
  ),
});
