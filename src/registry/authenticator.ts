import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { parseDocument } from "../oci/document.ts";
import { isLoopbackHost } from "./addresses.ts";
import { readBody } from "./body.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { CredentialProvider, Credentials } from "./credentials.ts";
import { isAbort, isTransient, printable, RetryableError, requestError } from "./failure.ts";
import { judgeRealm } from "./realm.ts";
import { loginHint, statusError } from "./status.ts";
import type { HttpRequest, Transport } from "./transport.ts";

/** What {@link Authenticator} is made from. */
export interface AuthenticatorOptions {
  readonly transport: Transport;
  /** Where the registry is reached. */
  readonly endpoint: URL;
  /** As in references. */
  readonly registry: string;
  readonly repository: string;
  readonly credentials: CredentialProvider;
  readonly tlsVerify: boolean;
  readonly trustedRealms: readonly string[];
}

/** Bytes of a token server's answer. */
const maxTokenResponseBytes = 1024 * 1024;
/** Seconds that a token lives if its server says nothing; distribution's docs, "token". */
const defaultTokenSeconds = 60;
/** Seconds before its end at which a token is given up, for the way to the registry. */
const tokenMarginSeconds = 5;

/** A header value cannot hold anything else (case S60); the length is what servers accept. */
const tokenSchema = z.string().check(z.regex(/^[\x21-\x7e]{1,16384}$/, "is no token"));
const tokenResponseSchema = z.object({
  token: z.nullish(tokenSchema),
  access_token: z.nullish(tokenSchema),
  expires_in: z.nullish(z.number()),
});

interface Authorization {
  readonly header: string;
  /** Milliseconds of the monotonic clock; missing: does not end. */
  readonly endsAt?: number | undefined;
}

/**
 * Answers the challenges of one registry for one repository: distribution's token protocol and
 * RFC 7617.  A token lives in memory, here, so that it cannot be used for another repository or
 * registry (case S54).
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  #current: Authorization | undefined;
  #pending: Promise<Authorization> | undefined;
  #hasUsedCredentials = false;
  #remark: string | undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Whether credentials, rather than nothing or an anonymous token, were used. */
  get hasUsedCredentials(): boolean {
    return this.#hasUsedCredentials;
  }

  /** Why credentials that exist were not used; for error messages. */
  get remark(): string | undefined {
    return this.#remark;
  }

  /** The Authorization header that is known to have worked, if any. */
  authorization(): string | undefined {
    const { endsAt } = this.#current ?? {};
    if (endsAt !== undefined && endsAt <= performance.now()) this.#current = undefined;
    return this.#current?.header;
  }

  /**
   * An Authorization header that answers a 401.
   *
   * @param challenges the WWW-Authenticate headers
   * @param refused the header that was refused, if there was one
   * @throws TsmanError REGISTRY_AUTH, saying what is missing
   */
  async answer(challenges: readonly string[], refused: string | undefined): Promise<string> {
    const known = this.authorization();
    // Several requests meet the same challenge at once: the first one's answer serves all.
    if (known !== undefined && known !== refused) return known;
    this.#pending ??= this.#authorize(parseChallenges(challenges), refused).finally(() => {
      this.#pending = undefined;
    });
    this.#current = await this.#pending;
    return this.#current.header;
  }

  async #authorize(
    challenges: readonly Challenge[],
    refused: string | undefined,
  ): Promise<Authorization> {
    const { registry, repository, credentials } = this.#options;
    const known = credentials.findCredentials(registry, repository);
    if (known?.kind === "registry-token") {
      const header = `Bearer ${known.token}`;
      if (header === refused) throw this.#error("it does not accept the token", true);
      this.#requireSafeChannel();
      this.#hasUsedCredentials = true;
      return { header };
    }
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) return await this.#fetchToken(bearer, known);
    const basic = challenges.find(({ scheme }) => scheme === "basic");
    if (basic !== undefined) return this.#basic(known, refused);
    const schemes = challenges.map(({ scheme }) => printable(scheme, 20)).join(", ");
    throw this.#error(
      schemes === ""
        ? "it wants credentials but does not say how"
        : `it wants authentication by ${schemes}, which tsman does not know`,
      false,
    );
  }

  #basic(known: Credentials | undefined, refused: string | undefined): Authorization {
    const { registry, credentials } = this.#options;
    if (known?.kind !== "password") {
      this.#remark = credentials.explainMissing?.(registry);
      throw this.#error("it wants a user name and a password", false);
    }
    this.#requireSafeChannel();
    const header = basicHeader(known.username, known.password);
    this.#hasUsedCredentials = true;
    if (header === refused) throw this.#error("it does not accept the credentials", true);
    return { header };
  }

  /** Secrets go over plain http only to this machine, or where the user said so (case S57). */
  #requireSafeChannel(): void {
    const { endpoint, tlsVerify } = this.#options;
    if (endpoint.protocol === "https:" || isLoopbackHost(endpoint.host) || !tlsVerify) return;
    throw this.#error("it speaks plain http, over which no password goes", false);
  }

  async #fetchToken(challenge: Challenge, known: Credentials | undefined): Promise<Authorization> {
    const { endpoint, registry, trustedRealms, credentials } = this.#options;
    const realm = challenge.parameters.get("realm") ?? "";
    const verdict = judgeRealm({ realm, registry: endpoint, trustedRealms });
    const { url } = verdict;
    if (verdict.kind === "refused" || url === undefined) {
      const why = verdict.kind === "refused" ? verdict.why : "it is no URL";
      throw new TsmanError(
        "REGISTRY_AUTH",
        `log in to ${registry}: it names the token server ${printable(realm, 100)}, but ${why}`,
        { hint: "the registry, or a proxy before it, is set up wrongly or hostile" },
      );
    }
    const isTrusted = verdict.kind === "trusted";
    if (known !== undefined && !isTrusted) {
      this.#remark = `the credentials were not sent to ${url.host}, since ${verdict.kind === "anonymous" ? verdict.why : "it is not trusted"}`;
    }
    if (known === undefined) this.#remark = credentials.explainMissing?.(registry);
    const request = this.#tokenRequest(url, challenge, isTrusted ? known : undefined);
    this.#hasUsedCredentials = isTrusted && known !== undefined;
    if (this.#hasUsedCredentials) this.#requireSafeChannel();
    return await this.#requestToken(request, url);
  }

  #tokenRequest(url: URL, challenge: Challenge, known: Credentials | undefined): HttpRequest {
    const fields = new URLSearchParams();
    const service = challenge.parameters.get("service");
    if (service !== undefined && service !== "") fields.set("service", service);
    const scopes = [`repository:${this.#options.repository}:pull`];
    // Some registries know scopes of their own; one for a repository is for ours alone (case S54).
    const asked = challenge.parameters.get("scope") ?? "";
    if (asked !== "" && !asked.includes("repository:")) scopes.push(asked);
    if (known?.kind === "identity-token") {
      fields.set("grant_type", "refresh_token");
      fields.set("client_id", "tsman");
      fields.set("scope", scopes.join(" "));
      fields.set("refresh_token", known.token);
      return {
        method: "POST",
        url,
        headers: {
          accept: "application/json",
          "content-type": "application/x-www-form-urlencoded",
        },
        body: fields.toString(),
      };
    }
    for (const scope of scopes) fields.append("scope", scope);
    if (known?.kind === "password") fields.set("account", known.username);
    const full = new URL(url);
    for (const [name, value] of fields) full.searchParams.append(name, value);
    return {
      method: "GET",
      url: full,
      headers: {
        accept: "application/json",
        ...(known?.kind === "password" && {
          authorization: basicHeader(known.username, known.password),
        }),
      },
    };
  }

  async #requestToken(request: HttpRequest, url: URL): Promise<Authorization> {
    const { transport, registry, repository } = this.#options;
    const what = `get a token for ${registry}/${repository} from ${url.host}`;
    const response = await transport.send(request).catch((error: unknown) => {
      if (isAbort(error)) throw error;
      const final = requestError(error, what, url.host);
      throw isTransient(error) ? new RetryableError(final) : final;
    });
    if (response.status !== 200) {
      throw await statusError(response, {
        what,
        registry: url.host,
        name: `${registry}/${repository}`,
        hasCredentials: this.#hasUsedCredentials,
        remark: this.#remark,
      });
    }
    const bytes = await readBody(response, maxTokenResponseBytes, what);
    const answer = parseDocument(tokenResponseSchema, bytes, {
      what: `token of ${url.host}`,
      code: "REGISTRY_RESPONSE",
      maxBytes: maxTokenResponseBytes,
    });
    const token = answer.token ?? answer.access_token;
    if (token === undefined || token === null) {
      throw new TsmanError("REGISTRY_RESPONSE", `${what}: its answer holds no token`);
    }
    const seconds = Math.max(0, answer.expires_in ?? defaultTokenSeconds) - tokenMarginSeconds;
    return { header: `Bearer ${token}`, endsAt: performance.now() + Math.max(1, seconds) * 1000 };
  }

  #error(why: string, hasCredentials: boolean): TsmanError {
    const { registry } = this.#options;
    const remark = this.#remark === undefined ? "" : `; ${this.#remark}`;
    return new TsmanError("REGISTRY_AUTH", `log in to ${registry}: ${why}${remark}`, {
      hint: loginHint(registry, hasCredentials),
      details: { registry },
    });
  }
}

/** RFC 7617, in UTF-8. */
function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}
