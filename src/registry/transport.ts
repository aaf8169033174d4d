import { setMaxListeners } from "node:events";
import type { Dispatcher } from "undici";
import type { ProxyEnvironment } from "../config/environment.ts";
import { TsmanError } from "../errors/index.ts";
import { bareHost, isInternalAddress, isLoopbackHost } from "./addresses.ts";
import { createTrust, readCertificates } from "./certificates.ts";
import { isUnknownAuthority, printable } from "./failure.ts";
import { atLeastAsFast } from "./least-speed.ts";
import { lookupOutside } from "./outside-lookup.ts";
import { findProxy, proxyError } from "./proxy.ts";
import { defaultLeastSpeed, type Timeouts } from "./settings.ts";

/** What can be sent: what is in memory, or pieces of which `content-length` says the sum. */
export type HttpBody = string | Uint8Array | AsyncIterable<Uint8Array>;

/** A request that is ready to go out: everything that may be secret is in `headers` or `body`. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: HttpBody | undefined;
  /** Milliseconds from the request to its answer; missing: as for every other. */
  readonly patienceMs?: number | undefined;
}

/** An answer, its body not read yet.  Whoever gets it reads the body or discards it. */
export interface HttpResponse {
  readonly status: number;
  /** Where it came from in the end, after redirects. */
  readonly url: URL;
  /** Iterated once; fails when it comes too slowly. */
  readonly body: AsyncIterable<Buffer>;
  /** One header, the first if it stands there several times. */
  header(name: string): string | undefined;
  /** All headers of one name. */
  headers(name: string): readonly string[];
  /** Leaves the rest of the body unread: a small one is swallowed, to keep the connection. */
  discard(): Promise<void>;
}

/** A body up to this length is cheaper to swallow than a new connection; bytes. */
const swallowBytes = 64 * 1024;

/** What {@link Transport} is made from. */
export interface TransportOptions {
  /** Base of the registry's API. */
  readonly registry: URL;
  readonly tlsVerify: boolean;
  readonly timeouts: Timeouts;
  /** To one origin at a time. */
  readonly connections: number;
  readonly userAgent: string;
  readonly proxy: ProxyEnvironment | undefined;
  /** With the registry's certificates; not asked for anybody else. */
  readonly certificateDirs: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** Redirects in a row; a content network needs one or two. */
const maxRedirects = 10;
/** Bytes of headers; Node's own default. */
const maxHeaderBytes = 16 * 1024;
/** Room for the socket to run ahead while the sink writes. */
const bodyBufferBytes = 256 * 1024;

type UndiciRequest = (
  this: Dispatcher,
  options: Dispatcher.RequestOptions,
) => Promise<Dispatcher.ResponseData>;

/**
 * HTTP as a registry client needs it: keep-alive connections, nothing decompressed, redirects
 * followed by hand.
 *
 * There are two kinds of connection: to the registry itself, for which `--tls-verify=false` and the
 * administrator's authorities count, and to everybody else (token servers, content networks), for
 * which they never do (case S57) and whose names must not lead back to this machine (case S51).
 */
export class Transport implements AsyncDisposable {
  readonly #options: TransportOptions;
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>();
  #request: Promise<UndiciRequest> | undefined;
  #trustsSystem = false;
  #hasAnswered = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    if (options.signal !== undefined) setMaxListeners(0, options.signal);
  }

  /** Whether the registry (or whoever it led to) has answered anything yet. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Whether a URL is served by the registry itself: same scheme, host and port. */
  isRegistry(url: URL): boolean {
    return url.origin === this.#options.registry.origin;
  }

  /**
   * Sends a request and follows redirects.  Authorization goes to the origin that it was meant for
   * and is dropped for good when a redirect leaves it (case S52).
   *
   * @throws TsmanError REGISTRY_RESPONSE for redirects that must not be followed; whatever Node or
   *   undici throws for a failed transfer
   */
  async send(request: HttpRequest, signal?: AbortSignal): Promise<HttpResponse> {
    let { url, headers } = request;
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#sendOnce({ ...request, url, headers }, signal);
      const location = response.header("location");
      if (!isRedirect(response.status) || location === undefined) return response;
      await response.discard();
      if (!mayFollow(request, response.status)) {
        throw refused(
          url,
          "it redirects what was sent to it, which may be secret and is not sent twice",
        );
      }
      if (redirects === maxRedirects) {
        throw refused(url, `more than ${maxRedirects} redirects in a row`);
      }
      const next = this.followed(url, location);
      if (next.origin !== url.origin) headers = withoutSecrets(headers);
      url = next;
    }
  }

  /**
   * Where a Location header leads, if it may be followed.
   *
   * @throws TsmanError REGISTRY_RESPONSE
   */
  followed(from: URL, location: string): URL {
    if (!URL.canParse(location, from)) throw refused(from, "it redirects to what is no URL");
    const to = new URL(location, from);
    if (to.protocol !== "https:" && to.protocol !== "http:") {
      throw refused(from, `it redirects to ${printable(to.protocol, 20)}`);
    }
    if (to.username !== "" || to.password !== "") {
      throw refused(from, "it redirects to a URL with a user name");
    }
    to.hash = "";
    if (to.protocol === "http:" && from.protocol === "https:") {
      throw refused(from, `it redirects from https to plain http (${to.host})`, plainLocationHint);
    }
    const isFromHere = isLoopbackHost(this.#options.registry.host);
    if (to.hostname === this.#options.registry.hostname) return to;
    if (isFromHere && isLoopbackHost(to.host)) return to;
    if (to.protocol === "http:") {
      throw refused(from, `it redirects to plain http on another host (${to.host})`);
    }
    if (isInternalAddress(bareHost(to.host)) || isLoopbackHost(to.host)) {
      throw refused(from, `it redirects to an address of this host or its cloud (${to.host})`);
    }
    return to;
  }

  async #sendOnce(request: HttpRequest, signal: AbortSignal | undefined): Promise<HttpResponse> {
    try {
      return await this.#exchange(request, signal);
    } catch (error) {
      // The authorities that the system's administrator added are read only when they are needed;
      // nothing of a body has been read yet then.
      if (this.#trustsSystem || !isUnknownAuthority(error)) throw error;
      this.#trustsSystem = true;
      await this.#drop();
      return await this.#exchange(request, signal);
    }
  }

  async #exchange(request: HttpRequest, signal: AbortSignal | undefined): Promise<HttpResponse> {
    const { url, method, headers, body, patienceMs } = request;
    const proxy = findProxy(url, this.#options.proxy);
    const dispatcher = await this.#dispatcherFor(url, proxy);
    this.#request ??= import("undici/lib/api/api-request.js").then((module) => module.default);
    const send = await this.#request;
    const { timeouts } = this.#options;
    const data = await send
      .call(dispatcher, {
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: {
          "user-agent": this.#options.userAgent,
          // Bytes must arrive as they are named by their digest (case S58).
          "accept-encoding": "identity",
          ...headers,
        },
        // undici takes what can be iterated, its types do not say so.
        body: (body as string | Uint8Array | undefined) ?? null,
        headersTimeout: patienceMs ?? timeouts.headersMs,
        bodyTimeout: timeouts.stallMs,
        highWaterMark: bodyBufferBytes,
        signal: signal ?? this.#options.signal ?? null,
      })
      .catch((error: unknown) => {
        throw (proxy && proxyError(error, proxy, url)) ?? error;
      });
    this.#hasAnswered = true;
    const all = (name: string): readonly string[] => {
      const value = data.headers[name];
      return value === undefined ? [] : typeof value === "string" ? [value] : value;
    };
    return {
      status: data.statusCode,
      url,
      body: atLeastAsFast(data.body, {
        bytesPerSecond: timeouts.leastSpeed ?? defaultLeastSpeed,
        periodMs: timeouts.stallMs,
      }),
      header: (name) => all(name)[0],
      headers: all,
      discard: async () => {
        // undici destroys a body with an error; without a listener that would end the process.
        data.body.on("error", () => {});
        const length = Number(all("content-length")[0] ?? Number.NaN);
        if (data.body.readableEnded || data.body.destroyed) return;
        if (length <= swallowBytes) await data.body.dump({ limit: swallowBytes }).catch(() => {});
        else data.body.destroy();
      },
    };
  }

  async #dispatcherFor(url: URL, proxy: URL | undefined): Promise<Dispatcher> {
    const isRegistry = this.isRegistry(url);
    const key = `${isRegistry ? "registry" : "other"} ${proxy?.href ?? ""}`;
    let dispatcher = this.#dispatchers.get(key);
    if (dispatcher === undefined) {
      dispatcher = this.#createDispatcher(isRegistry, proxy);
      this.#dispatchers.set(key, dispatcher);
    }
    return await dispatcher;
  }

  async #createDispatcher(isRegistry: boolean, proxy: URL | undefined): Promise<Dispatcher> {
    const { registry, timeouts, tlsVerify, certificateDirs } = this.#options;
    const isFromHere = isLoopbackHost(registry.host);
    const own = readCertificates(isRegistry ? certificateDirs : []);
    const needsTrust = own.authorities.length > 0 || own.client !== undefined || this.#trustsSystem;
    const tlsOptions = {
      ...(isRegistry && !tlsVerify && { rejectUnauthorized: false }),
      ...(needsTrust && { secureContext: createTrust(own, this.#trustsSystem) }),
    };
    const options = {
      connections: this.#options.connections,
      pipelining: 1,
      // One file after the other over one connection is what HTTP/1.1 does best.
      allowH2: false,
      maxHeaderSize: maxHeaderBytes,
      keepAliveTimeout: 15_000,
    };
    if (proxy !== undefined) {
      // The whole package: its proxy agent relies on methods that only the main entry adds.
      const { ProxyAgent } = await import("undici");
      return new ProxyAgent({
        ...options,
        uri: proxy.href,
        connectTimeout: timeouts.connectMs,
        requestTls: tlsOptions,
      });
    }
    const { default: Agent } = await import("undici/lib/dispatcher/agent.js");
    return new Agent({
      ...options,
      connect: {
        timeout: timeouts.connectMs,
        ...tlsOptions,
        ...(!isRegistry && !isFromHere && { lookup: lookupOutside }),
      },
    });
  }

  /** Closes every connection; transfers that still go on fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#drop();
  }

  async #drop(): Promise<void> {
    const dispatchers = [...this.#dispatchers.values()];
    this.#dispatchers.clear();
    for (const dispatcher of await Promise.allSettled(dispatchers)) {
      if (dispatcher.status === "fulfilled") await dispatcher.value.destroy();
    }
  }
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** Whether a redirect of this request may be followed: nothing but a name may go out again. */
function mayFollow({ method, body }: HttpRequest, status: number): boolean {
  if (method === "GET" || method === "HEAD") return true;
  // These two keep the method; RFC 9110, 15.4.
  return body === undefined && (status === 307 || status === 308);
}

const hostileHint =
  "the registry, or a proxy before it, is set up wrongly or hostile: tell its administrator";
const plainLocationHint =
  "a proxy before the registry must tell it the scheme (X-Forwarded-Proto), or the registry its own address";

const secretHeaders = new Set(["authorization", "cookie", "proxy-authorization"]);

function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!secretHeaders.has(name.toLowerCase())) kept[name] = value;
  }
  return kept;
}

function refused(from: URL, why: string, hint = hostileHint): TsmanError {
  return new TsmanError("REGISTRY_RESPONSE", `follow redirect of ${from.host}: ${why}`, {
    hint,
    details: { host: from.host },
  });
}
