import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { digestSchema } from "./descriptor.ts";
import type { DiffId } from "./digest.ts";
import { emptyStringMap, parseDocument, stringMap } from "./document.ts";

/** A larger image config is refused. */
export const maxImageConfigBytes = 8 * 1024 * 1024;

/** How an image wants to be asked whether it is well (Docker's HEALTHCHECK). */
export interface Healthcheck {
  /** `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", text]`, or empty: inherited. */
  readonly test: readonly string[];
  /** Nanoseconds; missing: the default. */
  readonly interval?: number | undefined;
  readonly timeout?: number | undefined;
  readonly startPeriod?: number | undefined;
  readonly startInterval?: number | undefined;
  readonly retries?: number | undefined;
}

/** What an image says about the process that it wants to be. */
export interface ImageExecution {
  /** As written: "", "name", "1000", "name:group", "1000:1000". */
  readonly user: string;
  /** `NAME=value`, in order. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[] | null;
  readonly cmd: readonly string[] | null;
  /** "" if the image says nothing. */
  readonly workingDir: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `80/tcp`, `53/udp`, `8080`. */
  readonly exposedPorts: readonly string[];
  /** Paths. */
  readonly volumes: readonly string[];
  /** E.g. "SIGINT" or "2"; missing: SIGTERM. */
  readonly stopSignal?: string | undefined;
  readonly healthcheck?: Healthcheck | undefined;
  /** Docker's SHELL, kept for builds. */
  readonly shell?: readonly string[] | undefined;
}

/** One step of an image's making. */
export interface HistoryEntry {
  readonly created?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  /** Whether the step made no layer. */
  readonly emptyLayer: boolean;
}

/** An image config in normal form; image-spec/config.md. */
export interface ImageConfig {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  /** RFC 3339. */
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly config: ImageExecution;
  /** Lowest first. */
  readonly rootfs: { readonly diffIds: readonly DiffId[] };
  readonly history: readonly HistoryEntry[];
}

const text = z.nullish(z.string());
const texts = z.nullish(z.array(z.string()));
/** Very old images have a string where a list belongs. */
const command = z.nullish(z.union([z.string(), z.array(z.string())]));
/** A set, written as an object with empty objects as values. */
const keys = z.nullish(
  z.custom<Record<string, unknown>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "should be an object",
  ),
);
const nanoseconds = z.nullish(z.number());

const executionSchema = z.object({
  User: text,
  Env: texts,
  Entrypoint: command,
  Cmd: command,
  WorkingDir: text,
  Labels: z.nullish(stringMap),
  ExposedPorts: keys,
  Volumes: keys,
  StopSignal: text,
  Shell: texts,
  Healthcheck: z.nullish(
    z.object({
      Test: texts,
      Interval: nanoseconds,
      Timeout: nanoseconds,
      StartPeriod: nanoseconds,
      StartInterval: nanoseconds,
      Retries: z.nullish(z.number()),
    }),
  ),
});

const configSchema = z.object({
  os: text,
  architecture: text,
  variant: text,
  created: text,
  author: text,
  config: z.nullish(executionSchema),
  rootfs: z.object({ type: z.literal("layers"), diff_ids: z.nullish(z.array(digestSchema)) }),
  history: z.nullish(
    z.array(
      z.object({
        created: text,
        created_by: text,
        author: text,
        comment: text,
        empty_layer: z.nullish(z.boolean()),
      }),
    ),
  ),
});

/**
 * Reads an image config; OCI's and Docker's are the same where it matters here.
 *
 * @throws TsmanError MANIFEST_INVALID, naming the member that is wrong
 */
export function parseImageConfig(bytes: Uint8Array, what = "image config"): ImageConfig {
  const wire = parseDocument(configSchema, bytes, {
    what,
    code: "MANIFEST_INVALID",
    maxBytes: maxImageConfigBytes,
  });
  return {
    os: wire.os || "linux",
    architecture: wire.architecture ?? "",
    variant: wire.variant || undefined,
    created: wire.created ?? undefined,
    author: wire.author ?? undefined,
    config: executionOf(wire.config ?? {}, what),
    rootfs: { diffIds: (wire.rootfs.diff_ids ?? []).map((digest) => digest as string as DiffId) },
    history: (wire.history ?? []).map((entry) => ({
      created: entry.created ?? undefined,
      createdBy: entry.created_by ?? undefined,
      author: entry.author ?? undefined,
      comment: entry.comment ?? undefined,
      emptyLayer: entry.empty_layer ?? false,
    })),
  };
}

function executionOf(wire: Partial<z.infer<typeof executionSchema>>, what: string): ImageExecution {
  const health = wire.Healthcheck;
  return {
    user: noNul(wire.User ?? "", what, "User"),
    env: (wire.Env ?? []).map((entry) => noNul(entry, what, "Env")),
    entrypoint: listOf(wire.Entrypoint, what, "Entrypoint"),
    cmd: listOf(wire.Cmd, what, "Cmd"),
    workingDir: noNul(wire.WorkingDir ?? "", what, "WorkingDir"),
    labels: wire.Labels ?? emptyStringMap(),
    exposedPorts: Object.keys(wire.ExposedPorts ?? {}),
    volumes: Object.keys(wire.Volumes ?? {}).map((path) => noNul(path, what, "Volumes")),
    stopSignal: wire.StopSignal || undefined,
    shell: wire.Shell ?? undefined,
    healthcheck: health
      ? {
          test: health.Test ?? [],
          interval: health.Interval ?? undefined,
          timeout: health.Timeout ?? undefined,
          startPeriod: health.StartPeriod ?? undefined,
          startInterval: health.StartInterval ?? undefined,
          retries: health.Retries ?? undefined,
        }
      : undefined,
  };
}

function listOf(
  value: string | readonly string[] | null | undefined,
  what: string,
  member: string,
): readonly string[] | null {
  if (value === null || value === undefined) return null;
  const list = typeof value === "string" ? [value] : value;
  return list.map((each) => noNul(each, what, member));
}

/** What goes to execve(2) or open(2) ends at the first NUL there, so a NUL would hide the rest. */
function noNul(value: string, what: string, member: string): string {
  if (!value.includes("\0")) return value;
  throw new TsmanError("MANIFEST_INVALID", `read ${what}: config.${member} holds a NUL character`);
}
