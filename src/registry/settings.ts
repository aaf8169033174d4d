import type { ProxyEnvironment } from "../config/environment.ts";
import type { CredentialProvider } from "./credentials.ts";

/** How long a registry may keep us waiting; milliseconds. */
export interface Timeouts {
  /** Until a connection stands, TLS included. */
  readonly connectMs: number;
  /** From a request to its first answer. */
  readonly headersMs: number;
  /** Between two pieces of a body: a stalled transfer is broken off and resumed. */
  readonly stallMs: number;
  /** Bytes a second that a body brings, on average over `stallMs` of waiting; missing: 1024. */
  readonly leastSpeed?: number | undefined;
}

/** How often and how patiently a request is made again. */
export interface RetryPolicy {
  /** Failures in a row, without one byte of progress in between, before giving up. */
  readonly retries: number;
  /** Milliseconds before the first repetition; doubles with each. */
  readonly baseDelayMs: number;
  /** Milliseconds; the longest wait of our own choice. */
  readonly maxDelayMs: number;
  /** Milliseconds; a Retry-After longer than this is an error instead of a wait. */
  readonly maxRetryAfterMs: number;
}

/** One repetition that is about to happen. */
export interface RetryEvent {
  /** What is fetched: a digest, a tag. */
  readonly what: string;
  readonly reason: string;
  readonly delayMs: number;
}

/** What is wanted of a repository: tokens are asked for no more than that. */
export type RegistryAccess = "pull" | "push";

/** What a registry client is made from. */
export interface RegistryClientOptions {
  /** As in a reference: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** As in a reference: `library/alpine`. */
  readonly repository: string;
  /** Default: `pull`. */
  readonly access?: RegistryAccess | undefined;
  /** Asked only when the registry demands it; missing: anonymous. */
  readonly credentials?: CredentialProvider | undefined;
  /** False: certificates of this registry are not checked, and it may speak plain http. */
  readonly tlsVerify?: boolean | undefined;
  /** Default `tsman`. */
  readonly userAgent?: string | undefined;
  /** Ends everything that the client is doing. */
  readonly signal?: AbortSignal | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** To one host at a time; missing: {@link defaultConnections}. */
  readonly connections?: number | undefined;
  /** Proxies; missing: direct. */
  readonly proxy?: ProxyEnvironment | undefined;
  /** Directories with `HOST[:PORT]/`, which has the certificates for that registry. */
  readonly certificateDirs?: readonly string[] | undefined;
  /** `--cert-dir`: the registry's certificates themselves, instead of those directories. */
  readonly certDir?: string | undefined;
  /** Hosts of token servers that may see this registry's credentials though of another domain. */
  readonly trustedRealms?: readonly string[] | undefined;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

/** Bytes a second: less than any line that somebody would pull an image over. */
export const defaultLeastSpeed = 1024;

export const defaultTimeouts: Timeouts = { connectMs: 10_000, headersMs: 30_000, stallMs: 30_000 };

/** More would only share the line, and registries count connections. */
export const defaultConnections = 3;

export const defaultRetryPolicy: RetryPolicy = {
  retries: 5,
  baseDelayMs: 250,
  maxDelayMs: 8_000,
  maxRetryAfterMs: 60_000,
};

/** Where containers' tools look for a registry's own certificate authorities. */
export const defaultCertificateDirs: readonly string[] = [
  "/etc/containers/certs.d",
  "/etc/docker/certs.d",
];
