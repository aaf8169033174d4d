import net from "node:net";
import tls from "node:tls";
import { TsmanError } from "../errors/index.ts";
import { bareHost, isLoopbackHost } from "./addresses.ts";
import { failureReason } from "./failure.ts";

/** Where the API of a registry is, unlike what references call it. */
const apiHosts: ReadonlyMap<string, string> = new Map([["docker.io", "registry-1.docker.io"]]);

/** `host[:port]` at which the API of a registry is reached. */
export function apiHost(registry: string): string {
  return apiHosts.get(registry) ?? registry;
}

/** Whether this registry may be spoken to without TLS: this machine, or the user said so. */
export function mayBePlain(registry: string, tlsVerify: boolean): boolean {
  return !tlsVerify || isLoopbackHost(registry);
}

/** What {@link findEndpoint} takes besides the registry. */
export interface EndpointOptions {
  readonly tlsVerify: boolean;
  /** Whether requests will go through a proxy. */
  readonly hasProxy: boolean;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a port answers to a TLS greeting. */
type ProbeResult = "tls" | "plain" | { readonly failed: Error };

/**
 * Base URL of a registry's API, always https unless the registry may be plain and turns out to be.
 *
 * Whether it is plain is found out with one TLS greeting, without a byte of a request: what answers
 * it, if only with a certificate that nobody knows, is https and stays https.
 *
 * @throws TsmanError REGISTRY_UNREACHABLE if nothing listens there
 */
export async function findEndpoint(registry: string, options: EndpointOptions): Promise<URL> {
  const { tlsVerify, hasProxy, timeoutMs, signal } = options;
  const host = apiHost(registry);
  const secure = new URL(`https://${host}/`);
  if (!mayBePlain(registry, tlsVerify)) return secure;
  const plain = new URL(`http://${host}/`);
  const hasPort = /:\d+$/.test(host);
  const port = hasPort ? Number(host.slice(host.lastIndexOf(":") + 1)) : 443;
  const answer = await greet(bareHost(host), port, timeoutMs, signal);
  if (answer === "tls") return secure;
  if (answer === "plain") return plain;
  if (!hasPort) {
    const other = await greet(bareHost(host), 80, timeoutMs, signal);
    if (other === "plain") return plain;
  }
  signal?.throwIfAborted();
  // What cannot be reached from here may be reached through the proxy, in TLS.
  if (hasProxy && !isLoopbackHost(registry)) return secure;
  const isLocal = host === "localhost";
  throw new TsmanError(
    "REGISTRY_UNREACHABLE",
    `connect to registry ${host}: ${failureReason(answer.failed)}`,
    {
      hint: isLocal
        ? "names that start with localhost/ are images of this host: see tsman images"
        : `check that a registry runs at ${host}`,
      cause: answer.failed,
      details: { host },
    },
  );
}

/**
 * Says hello in TLS.  Whether the certificate is good is not asked here: the request that follows
 * checks it, or does not if the user said so.
 */
async function greet(
  host: string,
  port: number,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  return await new Promise((resolve) => {
    let isConnected = false;
    const finish = (result: ProbeResult) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      socket.destroy();
      resolve(result);
    };
    const raw = net.connect({ host, port, autoSelectFamily: true });
    raw.once("connect", () => {
      isConnected = true;
    });
    const socket = tls.connect({ socket: raw, ...(net.isIP(host) === 0 && { servername: host }) });
    const abort = () => finish({ failed: new Error("interrupted") });
    const late = () =>
      finish(
        isConnected ? "plain" : { failed: new Error("no connection within the time allowed") },
      );
    const timer = setTimeout(late, timeoutMs);
    signal?.addEventListener("abort", abort, { once: true });
    socket.once("secureConnect", () => finish("tls"));
    const failed = (error: Error & { code?: string }) => {
      if (!isConnected) finish({ failed: error });
      else finish(isPlainAnswer(error) ? "plain" : "tls");
    };
    socket.once("error", failed);
    raw.once("error", failed);
    raw.once("close", () => finish(isConnected ? "plain" : { failed: new Error("closed") }));
  });
}

/** What OpenSSL says about an answer that is no TLS, or about a peer that hung up on the greeting. */
function isPlainAnswer(error: Error & { code?: string }): boolean {
  const { code = "" } = error;
  return (
    code === "ERR_SSL_WRONG_VERSION_NUMBER" ||
    code === "ERR_SSL_PACKET_LENGTH_TOO_LONG" ||
    code === "ERR_SSL_HTTP_REQUEST" ||
    code === "EPROTO" ||
    code === "ECONNRESET" ||
    code === "EPIPE"
  );
}
