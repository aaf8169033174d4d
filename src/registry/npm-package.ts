import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { NpmSettings } from "../config/npmrc.ts";
import { TsmanError } from "../errors/index.ts";
import { parseDocument } from "../oci/document.ts";
import { formatNpmReference, type NpmReference } from "../oci/npm-reference.ts";
import { isLoopbackHost } from "./addresses.ts";
import { readBody, readExcerpt, requirePlainEncoding } from "./body.ts";
import { interrupted, isAbort, printable, RetryableError, requestError } from "./failure.ts";
import { parseRetryAfter, retrying } from "./retry.ts";
import {
  defaultCertificateDirs,
  defaultRetryPolicy,
  defaultTimeouts,
  type RegistryClientOptions,
} from "./settings.ts";
import { type HttpResponse, Transport } from "./transport.ts";

/** What {@link openNpmRegistry} takes besides the package. */
export interface NpmOptions
  extends Pick<
    RegistryClientOptions,
    "tlsVerify" | "userAgent" | "signal" | "retry" | "timeouts" | "proxy" | "onRetry"
  > {
  readonly settings: NpmSettings;
}

/** A version of a package, and what its archive must be. */
export interface NpmPackage {
  /** Exact. */
  readonly version: string;
  readonly tarball: URL;
  /** SHA-512 of the archive, base64. */
  readonly sha512: string;
}

/** Takes the bytes of an archive; `begin` before the first of them, and again when it starts anew. */
export interface ArchiveSink {
  readonly begin: () => void | Promise<void>;
  readonly write: (chunk: Uint8Array) => void | Promise<void>;
}

/** One package in its registry. */
export interface NpmClient extends AsyncDisposable {
  /**
   * The version that the reference means.
   *
   * @throws TsmanError IMAGE_NOT_FOUND, DOCUMENT_INVALID, REGISTRY_*
   */
  readonly resolve: () => Promise<NpmPackage>;
  /**
   * The archive, verified when this resolves.
   *
   * @throws TsmanError DIGEST_MISMATCH, REGISTRY_*, INTERRUPTED, and what the sink throws
   */
  readonly download: (wanted: NpmPackage, sink: ArchiveSink) => Promise<void>;
}

/** A package with thousands of versions; in the short form some hundred bytes each. */
const maxDocumentBytes = 32 * 1024 * 1024;
/** The short form of a package's document: npm's registry API, "package metadata". */
const shortForm = "application/vnd.npm.install-v1+json";

const packageSchema = z.object({
  "dist-tags": z.optional(z.record(z.string(), z.string())),
  versions: z.record(
    z.string(),
    z.object({ dist: z.object({ tarball: z.string(), integrity: z.optional(z.string()) }) }),
  ),
});

/**
 * Makes a client for one package.
 *
 * @throws TsmanError CONFIG_INVALID, USAGE for a registry that is asked in plain http
 */
export function openNpmRegistry(reference: NpmReference, options: NpmOptions): NpmClient {
  const registry = options.settings.registryOf(reference.name);
  const { tlsVerify = true, signal } = options;
  const name = formatNpmReference(reference);
  if (registry.protocol === "http:" && tlsVerify && !isLoopbackHost(registry.host)) {
    throw new TsmanError(
      "REGISTRY_TLS",
      `fetch ${name}: npm's settings name ${registry.host} in plain http, where anybody on the way can change what arrives`,
      { hint: "set its https address, or on a network that you trust use --tls-verify=false" },
    );
  }
  const transport = new Transport({
    registry,
    tlsVerify,
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    userAgent: options.userAgent ?? "tsman",
    proxy: options.proxy,
    // A package is one file.
    connections: 1,
    certificateDirs: defaultCertificateDirs,
    signal,
  });
  const repeat = async <T>(what: string, attempt: () => Promise<T>): Promise<T> => {
    try {
      return await retrying(
        {
          what: name,
          policy: { ...defaultRetryPolicy, ...options.retry },
          signal,
          onRetry: options.onRetry,
        },
        attempt,
      );
    } catch (error) {
      if (error instanceof SinkError) throw error.cause;
      if (signal?.aborted === true || isAbort(error)) throw interrupted(what, error);
      throw requestError(error, what, registry.host);
    }
  };
  const get = async (url: URL, accept: string, what: string): Promise<HttpResponse> => {
    // Only the registry that the setting is for learns who we are.
    const authorization = transport.isRegistry(url)
      ? options.settings.authorizationFor(url)
      : undefined;
    const headers = { accept, ...(authorization !== undefined && { authorization }) };
    const response = await transport.send({ method: "GET", url, headers });
    if (response.status === 200) return response;
    throw await statusFault(response, what, name, authorization !== undefined);
  };
  return {
    resolve: async () => {
      const what = `look up ${name}`;
      const url = new URL(reference.name.replace("/", "%2f"), registry);
      const bytes = await repeat(
        what,
        async () => await readBody(await get(url, shortForm, what), maxDocumentBytes, what),
      );
      return choose(bytes, reference, registry);
    },
    download: async (wanted, sink) => {
      const what = `fetch ${name}`;
      await repeat(what, async () => {
        const response = await get(wanted.tarball, "application/octet-stream", what);
        await requirePlainEncoding(response, what);
        const hash = createHash("sha512");
        await guarded(() => sink.begin());
        for await (const chunk of response.body) {
          hash.update(chunk);
          await guarded(() => sink.write(chunk));
        }
        if (hash.digest("base64") !== wanted.sha512) {
          throw new TsmanError(
            "DIGEST_MISMATCH",
            `${what}: what arrived is not what ${registry.host} promises of it (SHA-512)`,
            {
              hint: "a mirror or proxy holds a damaged or changed package: tell its administrator",
            },
          );
        }
      });
    },
    [Symbol.asyncDispose]: async () => await transport[Symbol.asyncDispose](),
  };
}

/** Carries a sink's own failure past the retries. */
class SinkError extends Error {
  override readonly name = "SinkError";
}

async function guarded(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new SinkError("the sink failed", { cause: error });
  }
}

function choose(bytes: Buffer, reference: NpmReference, registry: URL): NpmPackage {
  const name = formatNpmReference(reference);
  const document = parseDocument(packageSchema, bytes, {
    what: `what ${registry.host} says of ${name}`,
    code: "DOCUMENT_INVALID",
    maxBytes: maxDocumentBytes,
  });
  const tags = document["dist-tags"] ?? {};
  const version = Object.hasOwn(tags, reference.version)
    ? (tags[reference.version] ?? "")
    : reference.version;
  const found = Object.hasOwn(document.versions, version) ? document.versions[version] : undefined;
  if (found === undefined) {
    const latest = Object.keys(document.versions)
      .slice(-5)
      .map((one) => printable(one, 40));
    throw new TsmanError(
      "IMAGE_NOT_FOUND",
      `look up ${name}: ${registry.host} has no such version`,
      { hint: `it has, for example, ${latest.join(", ") || "none at all"}` },
    );
  }
  const sha512 = /(?:^|\s)sha512-([A-Za-z0-9+/]{86}==)(?:\s|$)/.exec(
    found.dist.integrity ?? "",
  )?.[1];
  if (sha512 === undefined) {
    throw new TsmanError(
      "DOCUMENT_INVALID",
      `look up ${name}: ${registry.host} gives no SHA-512 of it`,
      { hint: "publish it again with a recent npm: a weaker digest is not taken" },
    );
  }
  if (!URL.canParse(found.dist.tarball)) {
    throw new TsmanError("DOCUMENT_INVALID", `look up ${name}: its tarball has no URL`);
  }
  const tarball = new URL(found.dist.tarball);
  if (tarball.protocol !== "https:" && tarball.origin !== registry.origin) {
    throw new TsmanError(
      "DOCUMENT_INVALID",
      `look up ${name}: its tarball is elsewhere, in plain ${printable(tarball.protocol, 20)}`,
    );
  }
  return { version: printable(version, 128), tarball, sha512 };
}

async function statusFault(
  response: HttpResponse,
  what: string,
  name: string,
  hasCredentials: boolean,
): Promise<TsmanError | RetryableError> {
  const { status, url } = response;
  await readExcerpt(response, 1024);
  const details = { host: url.host, status };
  if (status === 404) {
    return new TsmanError("IMAGE_NOT_FOUND", `${what}: ${url.host} has no such package`, {
      hint: `check the spelling of ${name}, and the registry with: npm config get registry`,
      details,
    });
  }
  if (status === 401 || status === 403) {
    const why = hasCredentials ? "does not accept the credentials" : "wants credentials";
    return new TsmanError("REGISTRY_AUTH", `${what}: ${url.host} ${why}`, {
      hint: `log in as npm does, tsman reads its .npmrc: npm login --registry ${url.origin}/`,
      details,
    });
  }
  const error = new TsmanError("REGISTRY_UNREACHABLE", `${what}: ${url.host} answers ${status}`, {
    hint: "try again later, or ask the registry's administrator",
    details,
  });
  const isLater = status === 429 || status === 408 || status >= 500;
  return isLater
    ? new RetryableError(error, parseRetryAfter(response.header("retry-after"), Date.now()))
    : error;
}
