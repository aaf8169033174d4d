import path from "node:path";
import { Authenticator } from "./authenticator.ts";
import { requireDirectory } from "./certificates.ts";
import { anonymous } from "./credentials.ts";
import { findEndpoint } from "./endpoint.ts";
import { interrupted, isAbort, isRefused, requestError } from "./failure.ts";
import { Retrier, retrying } from "./retry.ts";
import type { RegistryAccess, RegistryClientOptions, RetryPolicy } from "./settings.ts";
import {
  defaultCertificateDirs,
  defaultConnections,
  defaultRetryPolicy,
  defaultTimeouts,
} from "./settings.ts";
import { statusError } from "./status.ts";
import { type HttpBody, type HttpRequest, type HttpResponse, Transport } from "./transport.ts";

/** One request to the API, as the verbs above it see it. */
export interface ApiRequest {
  readonly method: HttpRequest["method"];
  /**
   * Below `/v2/REPOSITORY/`, digests and tags in it have been checked; or where the registry said
   * that an upload goes on, by {@link Session.locationOf}.
   */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called for each time that it has to be sent. */
  readonly body?: (() => HttpBody) | undefined;
  /** Milliseconds until the answer, if the registry has more to do than usual. */
  readonly patienceMs?: number | undefined;
  /** A repository of the same registry that the request wants to read as well: a mount's source. */
  readonly alsoReads?: string | undefined;
  /** Statuses that are no error. */
  readonly expect: readonly number[];
  /** Verb and object, for errors. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

interface Connection {
  readonly endpoint: URL;
  readonly transport: Transport;
  readonly authenticator: Authenticator;
}

/**
 * The standing relation to one repository of one registry: finds out how to reach it, answers its
 * challenges, repeats what failed on the way.  Connects on the first request.
 */
export class Session implements AsyncDisposable {
  readonly registry: string;
  readonly repository: string;
  readonly access: RegistryAccess;
  readonly #options: RegistryClientOptions;
  readonly #policy: RetryPolicy;
  #connection: Promise<Connection> | undefined;
  #transport: Transport | undefined;

  constructor(options: RegistryClientOptions) {
    this.registry = options.registry;
    this.repository = options.repository;
    this.access = options.access ?? "pull";
    this.#options = options;
    this.#policy = { ...defaultRetryPolicy, ...options.retry };
  }

  /** `registry/repository`, for messages. */
  get name(): string {
    return this.repository === "" ? this.registry : `${this.registry}/${this.repository}`;
  }

  /** Milliseconds after which a transfer that does not move is broken off. */
  get stallMs(): number {
    return this.#options.timeouts?.stallMs ?? defaultTimeouts.stallMs;
  }

  /** Ends everything. */
  get signal(): AbortSignal | undefined {
    return this.#options.signal;
  }

  /**
   * Makes a request once, challenges and redirects included.
   *
   * @throws RetryableError, TsmanError, or what the transfer threw
   */
  async request(request: ApiRequest): Promise<HttpResponse> {
    const { transport, authenticator, endpoint } = await this.#connect();
    const { path, alsoReads, body } = request;
    const base = this.repository === "" ? "/v2/" : `/v2/${this.repository}/`;
    const url = typeof path === "string" ? new URL(base + path, endpoint) : path;
    // Elsewhere, where an upload may be sent to, nobody learns who we are (case S53).
    let sent = transport.isRegistry(url) ? await authenticator.ready(alsoReads) : undefined;
    for (let isAnswered = false; ; isAnswered = true) {
      const response = await transport.send(
        {
          method: request.method,
          url,
          headers: { ...request.headers, ...(sent !== undefined && { authorization: sent }) },
          body: body?.(),
          patienceMs: request.patienceMs,
        },
        request.signal,
      );
      if (request.expect.includes(response.status)) return response;
      // Only the registry may ask who we are, not whom it redirects to; and only once per request.
      if (response.status !== 401 || isAnswered || !transport.isRegistry(response.url)) {
        throw await statusError(response, {
          what: request.what,
          registry: this.registry,
          name: this.name,
          hasCredentials: authenticator.hasUsedCredentials,
          remark: authenticator.remark,
          access: this.access,
        });
      }
      await response.discard();
      sent = await authenticator.answer(response.headers("www-authenticate"), sent, alsoReads);
    }
  }

  /**
   * Where a Location header of an answer leads; it may be another origin.
   *
   * @throws TsmanError REGISTRY_RESPONSE for what must not be followed
   */
  async locationOf(response: HttpResponse): Promise<URL | undefined> {
    const location = response.header("location");
    if (location === undefined) return undefined;
    const { transport } = await this.#connect();
    return transport.followed(response.url, location);
  }

  /**
   * Where an earlier answer led, as it was noted then.
   *
   * @throws TsmanError REGISTRY_RESPONSE for what must not be followed
   */
  async notedLocation(location: string): Promise<URL> {
    const { transport, endpoint } = await this.#connect();
    return transport.followed(endpoint, location);
  }

  /** A place of the registry outside its API. */
  async urlOf(path: string): Promise<URL> {
    const { endpoint } = await this.#connect();
    return new URL(path, endpoint);
  }

  /** How the registry's questions who we are were answered so far. */
  async authentication(): Promise<
    Pick<Authenticator, "wasAsked" | "hasUsedCredentials" | "remark">
  > {
    const { authenticator } = await this.#connect();
    return authenticator;
  }

  /** Runs `attempt` as often as the policy allows, and reports what fails as a TsmanError. */
  async repeat<T>(what: string, label: string, attempt: () => Promise<T>): Promise<T> {
    try {
      return await retrying(this.#retrierOptions(label), attempt);
    } catch (error) {
      throw await this.reportable(error, what);
    }
  }

  /** For transfers that keep what they have between attempts. */
  retrier(label: string, signal: AbortSignal | undefined): Retrier {
    return new Retrier({ ...this.#retrierOptions(label), signal: signal ?? this.#options.signal });
  }

  /** Any failure as the error to report. */
  async reportable(error: unknown, what: string, signal?: AbortSignal): Promise<Error> {
    const isAborted = signal?.aborted === true || this.#options.signal?.aborted === true;
    if (isAborted || isAbort(error)) return interrupted(what, error);
    const connection = await this.#connection?.catch(() => undefined);
    return requestError(error, what, connection?.endpoint.host ?? this.registry);
  }

  #retrierOptions(label: string) {
    return {
      what: label,
      policy: this.#policy,
      signal: this.#options.signal,
      onRetry: this.#options.onRetry,
      // A registry that has answered before is being restarted; one that never did is not there.
      isWorthwhile: (error: unknown) => isRefused(error) && this.#transport?.hasAnswered === true,
    };
  }

  async #connect(): Promise<Connection> {
    this.#connection ??= this.#open();
    try {
      return await this.#connection;
    } catch (error) {
      // The next attempt looks for the registry anew.
      this.#connection = undefined;
      throw error;
    }
  }

  async #open(): Promise<Connection> {
    const { registry, repository, signal, tlsVerify = true } = this.#options;
    const timeouts = { ...defaultTimeouts, ...this.#options.timeouts };
    const { proxy } = this.#options;
    const endpoint = await findEndpoint(registry, {
      tlsVerify,
      hasProxy: (proxy?.http ?? proxy?.https) !== undefined,
      timeoutMs: timeouts.connectMs,
      signal,
    });
    const transport = new Transport({
      registry: endpoint,
      tlsVerify,
      timeouts,
      connections: this.#options.connections ?? defaultConnections,
      userAgent: this.#options.userAgent ?? "tsman",
      proxy,
      certificateDirs: this.#certificateDirs(endpoint),
      signal,
    });
    this.#transport = transport;
    const authenticator = new Authenticator({
      transport,
      endpoint,
      registry,
      repository,
      access: this.access,
      credentials: this.#options.credentials ?? anonymous,
      tlsVerify,
      trustedRealms: this.#options.trustedRealms ?? [],
    });
    return { endpoint, transport, authenticator };
  }

  /** Under the name that references have for the registry, and under its own. */
  #certificateDirs(endpoint: URL): readonly string[] {
    const { certDir, certificateDirs = defaultCertificateDirs } = this.#options;
    if (certDir !== undefined) return [requireDirectory(certDir)];
    const hosts = new Set([this.registry, endpoint.host]);
    return certificateDirs.flatMap((dir) => [...hosts].map((host) => path.join(dir, host)));
  }

  /** Closes every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    await connection?.transport[Symbol.asyncDispose]();
  }
}
