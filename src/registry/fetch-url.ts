import { TsmanError } from "../errors/index.ts";
import { isLoopbackHost } from "./addresses.ts";
import { requirePlainEncoding } from "./body.ts";
import { interrupted, isAbort, RetryableError, requestError } from "./failure.ts";
import { retrying } from "./retry.ts";
import {
  defaultCertificateDirs,
  defaultRetryPolicy,
  defaultTimeouts,
  type RegistryClientOptions,
} from "./settings.ts";
import { type HttpResponse, Transport } from "./transport.ts";

/** What {@link fetchUrl} takes besides the address. */
export type FetchUrlOptions = Pick<
  RegistryClientOptions,
  "userAgent" | "signal" | "retry" | "timeouts" | "proxy" | "onRetry"
>;

/**
 * The bytes behind a web address, of which nothing says what they should be.  Until the answer
 * begins it is asked for again where that may help; what breaks off later is an error.
 *
 * @param url https, or http of this host
 * @throws TsmanError REGISTRY_*, USAGE for an address that anybody on the way could answer
 */
export async function* fetchUrl(url: URL, options: FetchUrlOptions): AsyncGenerator<Uint8Array> {
  // Credentials in it are nothing for a message.
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  const what = `fetch ${shown}`;
  const isPlain = url.protocol === "http:" && !isLoopbackHost(url.host);
  if (isPlain || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new TsmanError(
      "USAGE",
      `${what}: ${isPlain ? "over plain http anybody on the way can change what arrives" : "only https:// without credentials is fetched"}`,
      { hint: "fetch it yourself: curl ADDRESS | tsman import -" },
    );
  }
  const { signal } = options;
  await using transport = new Transport({
    registry: url,
    tlsVerify: true,
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    userAgent: options.userAgent ?? "tsman",
    proxy: options.proxy,
    connections: 1,
    certificateDirs: defaultCertificateDirs,
    signal,
  });
  try {
    const response = await retrying(
      {
        what: shown,
        policy: { ...defaultRetryPolicy, ...options.retry },
        signal,
        onRetry: options.onRetry,
      },
      async () => await ask(transport, url, what),
    );
    await requirePlainEncoding(response, what);
    yield* response.body;
  } catch (error) {
    if (signal?.aborted === true || isAbort(error)) throw interrupted(what, error);
    throw requestError(error, what, url.host);
  }
}

async function ask(transport: Transport, url: URL, what: string): Promise<HttpResponse> {
  const response = await transport.send({ method: "GET", url, headers: { accept: "*/*" } });
  if (response.status === 200) return response;
  await response.discard();
  const isMissing = response.status === 404 || response.status === 410;
  const error = new TsmanError(
    isMissing ? "REGISTRY_NOT_FOUND" : "REGISTRY_RESPONSE",
    `${what}: ${url.host} answers with status ${response.status}`,
  );
  throw response.status >= 500 ? new RetryableError(error) : error;
}
