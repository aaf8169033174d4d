import { isTsmanError, TsmanError } from "../errors/index.ts";
import type { RegistryClient } from "./client.ts";
import { downloadBlob, fetchBlob } from "./download-blob.ts";
import { fetchRange } from "./fetch-range.ts";
import { fetchManifest, headManifest } from "./manifests.ts";
import { resolveImage } from "./resolve-image.ts";
import { Session } from "./session.ts";
import type { RegistryClientOptions } from "./settings.ts";

/** A place that failed, and the one that is asked next. */
export interface FallbackEvent {
  /** `registry/repository` */
  readonly from: string;
  readonly to: string;
  readonly error: TsmanError;
}

/**
 * One client over several places that should have the same: the first that answers serves, and the
 * next one where it fails, also in the middle of a blob.  What comes from any of them is verified
 * by its digest; only what a tag means is taken on trust, as the order of the places says.
 *
 * @param places at least one, in the order in which to ask.
 */
export function createFallbackClient(
  places: readonly RegistryClientOptions[],
  onFallback: (event: FallbackEvent) => void,
): RegistryClient & FallbackControl {
  const sessions = places.map((options) => new Session(options));
  const servers = new Map<string, number>();
  let current = 0;
  const sessionAt = (index: number): Session => {
    const session = sessions[index];
    if (session !== undefined) return session;
    throw new TsmanError("INTERNAL", "choose a registry: there is none");
  };
  /** Gives a place up; false if there is no other. */
  const leave = (index: number, error: unknown): boolean => {
    if (index + 1 >= sessions.length || !isElsewhere(error)) return false;
    if (current > index) return true;
    current = index + 1;
    onFallback({ from: sessionAt(index).name, to: sessionAt(current).name, error });
    return true;
  };
  const first = async <T>(ask: (session: Session) => Promise<T>): Promise<T> => {
    for (;;) {
      const index = current;
      try {
        return await ask(sessionAt(index));
      } catch (error) {
        if (!leave(index, error)) throw error;
      }
    }
  };
  return {
    fetchManifest: (reference, expected) =>
      first((session) => fetchManifest(session, reference, expected)),
    headManifest: (reference) =>
      first(async (session) => {
        const head = await headManifest(session, reference);
        // A mirror that does not have it says nothing about the registry.
        if (head === undefined && session !== sessions.at(-1)) throw missing(session, reference);
        return head;
      }),
    fetchBlob: (descriptor, maxBytes, signal) =>
      first((session) => fetchBlob(session, descriptor, maxBytes, signal)),
    resolveImage: (reference, platform) =>
      first((session) => resolveImage(session, reference, platform)),
    downloadBlob: async (descriptor, options) => {
      let index = current;
      servers.set(descriptor.digest, index);
      // The sink takes each byte once: what has arrived is the next one's beginning.
      await downloadBlob(sessionAt(index), descriptor, options, (error) => {
        if (!leave(index, error)) return undefined;
        index = Math.max(index + 1, current);
        servers.set(descriptor.digest, index);
        return sessionAt(index);
      });
    },
    // A place that knows no ranges still has whole blobs: it is not left for that.
    fetchRange: (descriptor, range, signal) =>
      fetchRange(sessionAt(current), descriptor, range, signal),
    distrust: (digest, error) => leave(servers.get(digest) ?? current, error),
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) await session[Symbol.asyncDispose]();
    },
  };
}

/** How one who uses what was downloaded tells that it is no good. */
export interface FallbackControl {
  /**
   * What was downloaded as this blob was wrong.
   *
   * @returns whether there is another place to download it from, which is asked from now on.
   */
  distrust(digest: string, error: unknown): boolean;
}

/** Whether another place may do better: it is not our own disk, or the caller's wish to stop. */
function isElsewhere(error: unknown): error is TsmanError {
  if (!isTsmanError(error)) return false;
  const { code } = error;
  return code.startsWith("REGISTRY_") || elsewhereCodes.has(code);
}

const elsewhereCodes: ReadonlySet<string> = new Set([
  "DIGEST_MISMATCH",
  "SIZE_MISMATCH",
  "MANIFEST_INVALID",
  "DOCUMENT_INVALID",
  "PLATFORM_NOT_FOUND",
  "IMAGE_NOT_FOUND",
  "LAYER_INVALID",
]);

function missing(session: Session, reference: string): TsmanError {
  return new TsmanError(
    "REGISTRY_NOT_FOUND",
    `look up ${reference} of ${session.name}: ${session.registry} does not have it`,
  );
}
