import { TsmanError } from "../errors/index.ts";

/** Codes of Node.js, OpenSSL and undici under which a request fails, by what helps. */
const transientCodes = new Set([
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_SOCKET",
  "UND_ERR_CLOSED",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "HPE_INVALID_EOF_STATE",
  "TSMAN_SLOW_TRANSFER",
]);

/** The peer's certificate leads to no authority that we know. */
const unknownAuthorityCodes = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

/** The certificate is known but does not hold. */
const badCertificateCodes = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REVOKED",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "CERT_SIGNATURE_FAILURE",
  "CERT_CHAIN_TOO_LONG",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** The code of whatever was thrown, looking through wrappers. */
export function failureCode(error: unknown): string | undefined {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; depth += 1) {
    const { code } = each as { code?: unknown };
    if (typeof code === "string" && code !== "UND_ERR_INFO") return code;
    const inner: unknown = each instanceof AggregateError ? each.errors[0] : undefined;
    each = each.cause ?? inner;
  }
  return undefined;
}

/** Whether the same request may well succeed when made again. */
export function isTransient(error: unknown): boolean {
  if (error instanceof RetryableError) return true;
  const code = failureCode(error);
  return code !== undefined && transientCodes.has(code);
}

/** Whether nothing listens (or resolves) there; worth another try only after it once answered. */
export function isRefused(error: unknown): boolean {
  const code = failureCode(error);
  return code === "ECONNREFUSED" || code === "ENOTFOUND";
}

/** Whether the peer's certificate could be good under more authorities than we have asked. */
export function isUnknownAuthority(error: unknown): boolean {
  return unknownAuthorityCodes.has(failureCode(error) ?? "");
}

/** Whether TLS, rather than the way to the peer, is what failed. */
export function isTlsFailure(error: unknown): boolean {
  const code = failureCode(error) ?? "";
  return (
    unknownAuthorityCodes.has(code) ||
    badCertificateCodes.has(code) ||
    code === "EPROTO" ||
    code.startsWith("ERR_SSL_") ||
    code.startsWith("ERR_TLS_")
  );
}

/** A failure that is worth a repetition, carrying the error to report if it does not help. */
export class RetryableError extends Error {
  override readonly name = "RetryableError";
  /** What to throw in the end. */
  readonly final: TsmanError;
  /** Milliseconds that the registry asks us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(final: TsmanError, retryAfterMs?: number) {
    super(final.message, { cause: final });
    this.final = final;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A short reason, for progress lines. */
export function failureReason(error: unknown): string {
  if (error instanceof RetryableError) return error.final.message;
  const code = failureCode(error);
  const known = code === undefined ? undefined : reasons[code];
  if (known !== undefined) return known;
  return error instanceof Error ? printable(error.message) : "unknown failure";
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (connection refused)",
  ENOTFOUND: "the name does not resolve",
  EAI_AGAIN: "the name server does not answer",
  ECONNRESET: "the connection was reset",
  UND_ERR_SOCKET: "the connection was closed before everything had arrived",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "the connection was closed before everything had arrived",
  UND_ERR_CONNECT_TIMEOUT: "no connection within the time allowed",
  UND_ERR_HEADERS_TIMEOUT: "no answer within the time allowed",
  UND_ERR_BODY_TIMEOUT: "the transfer stalled",
  TSMAN_SLOW_TRANSFER: "the transfer was slower than transfer.min_speed allows",
  EHOSTUNREACH: "there is no route to the host",
  ENETUNREACH: "there is no route to its network",
  ETIMEDOUT: "the connection timed out",
  UND_ERR_HEADERS_OVERFLOW: "its headers are too large",
};

/** What a TLS failure means and what to do, for a registry host. */
export function tlsError(error: unknown, what: string, host: string): TsmanError {
  const code = failureCode(error) ?? "unknown";
  const message = error instanceof Error ? printable(error.message) : code;
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|ALERT_BAD_CERTIFICATE|ALERT_UNKNOWN_CA/.test(code)) {
    return new TsmanError("REGISTRY_TLS", `${what}: ${host} does not accept who we are (${code})`, {
      hint: `if it wants a certificate of its clients, put client.cert and client.key into ~/.config/tsman/certs.d/${host}, or give --cert-dir`,
      cause: error,
      details: { host, tlsCode: code },
    });
  }
  const isAuthority = unknownAuthorityCodes.has(code);
  const why = isAuthority
    ? `the certificate of ${host} is signed by no authority that this host knows (${code})`
    : badCertificateCodes.has(code)
      ? `the certificate of ${host} is not good for it (${message})`
      : `${host} does not speak TLS as expected (${message})`;
  const insecure = `on a network that you trust, use --tls-verify=false`;
  return new TsmanError("REGISTRY_TLS", `${what}: ${why}`, {
    hint: isAuthority
      ? `put the authority's certificate into ~/.config/tsman/certs.d/${host}/ca.crt; or, ${insecure}`
      : insecure,
    cause: error,
    details: { host, tlsCode: code },
  });
}

/** Any failure of a request as the error to report. */
export function requestError(error: unknown, what: string, host: string): TsmanError {
  if (error instanceof TsmanError) return error;
  if (error instanceof RetryableError) return error.final;
  if (isTlsFailure(error)) return tlsError(error, what, host);
  return new TsmanError("REGISTRY_UNREACHABLE", `${what}: ${host}: ${failureReason(error)}`, {
    hint: reachHint(failureCode(error), host),
    cause: error,
    details: { host },
  });
}

function reachHint(code: string | undefined, host: string): string {
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return `check the spelling of ${host} and this host's name resolution, or set https_proxy`;
  }
  if (code === "ECONNREFUSED") return `check that a registry runs at ${host}`;
  return "check the network (and https_proxy, if there is a proxy) and pull again: it resumes";
}

/** Whether something ended because a signal fired. */
export function isAbort(error: unknown): boolean {
  return (
    error instanceof Error && (error.name === "AbortError" || failureCode(error) === "ABORT_ERR")
  );
}

/** The error for a caller's abort. */
export function interrupted(what: string, cause?: unknown): TsmanError {
  return new TsmanError("INTERRUPTED", `${what}: interrupted`, { cause });
}

/** A text from outside in a message: one short line without control characters (case S35). */
export function printable(text: string, limit = 200): string {
  const line = text
    .slice(0, limit)
    .replace(/[^\x21-\x7e]+/g, " ")
    .trim();
  return text.length > limit ? `${line}…` : line;
}
