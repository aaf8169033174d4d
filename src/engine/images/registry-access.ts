import { certificateDirectories } from "../../config/config-files.ts";
import { TsmanError } from "../../errors/index.ts";
import { formatReference, parseReference, type Reference } from "../../oci/reference.ts";
import { pullAttempts, type RegistryAttempt } from "../../oci/registry-rules.ts";
import { createRegistryClient, type RegistryClient } from "../../registry/client.ts";
import { openCredentials } from "../../registry/credentials.ts";
import { createFallbackClient } from "../../registry/fallback-client.ts";
import type { RegistryClientOptions } from "../../registry/settings.ts";
import type { EngineContext } from "../context.ts";
import type { PullOptions } from "../types.ts";
import { tsmanVersion } from "../version.ts";

/** What reaching a registry takes of a pull's options. */
export type AccessOptions = Pick<
  PullOptions,
  "authFile" | "certDir" | "credentials" | "onProgress" | "retries" | "signal" | "tlsVerify"
>;

/**
 * A client for the repository of a full reference, where the configuration says that it is: its
 * mirrors first, then the registry.
 *
 * @throws TsmanError REFERENCE_INVALID, IMAGE_NOT_FOUND for a localhost/ name, CONFIG_INVALID,
 * REGISTRY_DENIED for what is blocked
 */
export async function openRegistryClient(
  context: EngineContext,
  given: Reference | string,
  options: AccessOptions,
): Promise<RegistryClient> {
  const reference = typeof given === "string" ? parseReference(given) : given;
  requireRegistry(reference);
  const { registries } = await context.settings();
  const attempts = pullAttempts(reference, registries);
  const clients = await Promise.all(
    attempts.map((attempt) => clientOptions(context, attempt, options)),
  );
  const [first, ...others] = clients;
  if (first !== undefined && others.length === 0) return createRegistryClient(first);
  return createFallbackClient(clients, ({ from, to, error }) => {
    options.onProgress?.({ kind: "fallback", from, to, reason: error.message });
  });
}

/** What a client of one place is made from. */
export async function clientOptions(
  context: EngineContext,
  attempt: RegistryAttempt,
  options: AccessOptions,
): Promise<RegistryClientOptions> {
  const { transfer, proxy } = await context.settings();
  const { reference, isMirror } = attempt;
  const { retries = transfer.retries } = options;
  // What is given on the command line is for the registry that is named there, not for whoever
  // keeps a copy of it.
  const creds = isMirror ? undefined : options.credentials;
  return {
    registry: reference.registry,
    repository: reference.repository,
    credentials: openCredentials({
      creds: creds === undefined ? undefined : `${creds.username}:${creds.password}`,
      authFile: options.authFile,
    }),
    tlsVerify: tlsVerifyOf(attempt, options),
    userAgent: `tsman/${tsmanVersion()}`,
    signal: options.signal,
    proxy,
    certificateDirs: certificateDirectories(context.paths.configDir),
    ...(!isMirror && { certDir: options.certDir }),
    connections: transfer.connections,
    retry: {
      retries: isMirror ? Math.min(1, retries) : retries,
      maxRetryAfterMs: transfer.longestWait,
    },
    timeouts: {
      connectMs: transfer.connectTimeout,
      headersMs: transfer.answerTimeout,
      stallMs: transfer.stallTimeout,
      leastSpeed: transfer.leastSpeed,
    },
    onRetry: ({ what, reason, delayMs }) =>
      options.onProgress?.({ kind: "retry", digest: what, reason, delayMs }),
  };
}

/**
 * What is given on the command line counts before the configuration; but leave not to check is given
 * for the registry that is named there, and never for its mirrors (case S57).
 */
function tlsVerifyOf(
  { insecure, isMirror }: RegistryAttempt,
  { tlsVerify }: AccessOptions,
): boolean | undefined {
  const given = isMirror && tlsVerify === false ? undefined : tlsVerify;
  return given ?? (insecure ? false : undefined);
}

function requireRegistry(reference: Reference): void {
  if (reference.registry !== "localhost") return;
  throw new TsmanError(
    "IMAGE_NOT_FOUND",
    `pull ${formatReference(reference)}: localhost/ names images that were made here`,
    { hint: "list the local images with: tsman images" },
  );
}
