import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { parseDocument } from "../oci/document.ts";
import { isLoopbackHost } from "./addresses.ts";
import { readBody } from "./body.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { CredentialProvider, Credentials } from "./credentials.ts";
import { isAbort, isTransient, printable, RetryableError, requestError } from "./failure.ts";
import { judgeRealm } from "./realm.ts";
import type { RegistryAccess } from "./settings.ts";
import { loginHint, statusError } from "./status.ts";
import type { HttpRequest, Transport } from "./transport.ts";

/** What {@link Authenticator} is made from. */
export interface AuthenticatorOptions {
  readonly transport: Transport;
  /** Where the registry is reached. */
  readonly endpoint: URL;
  /** As in references. */
  readonly registry: string;
  /** "" for what concerns the registry as a whole: a login. */
  readonly repository: string;
  readonly access: RegistryAccess;
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

/** What was got for one set of rights. */
interface Grant {
  current?: Authorization | undefined;
  pending?: Promise<Authorization> | undefined;
}

/**
 * Answers the challenges of one registry for one repository: distribution's token protocol and
 * RFC 7617.  A token lives in memory, here, so that it cannot be used for another repository or
 * registry (case S54); one that may read a second repository, for a mount, is used for that alone.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** By the repository that may be read besides; "" for none. */
  readonly #grants = new Map<string, Grant>();
  /** The last ones that were answered: tokens can be renewed before a request is made in vain. */
  #challenges: readonly Challenge[] | undefined;
  #known: Promise<Credentials | undefined> | undefined;
  #hasUsedCredentials = false;
  #remark: string | undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Whether the registry has asked who we are. */
  get wasAsked(): boolean {
    return this.#challenges !== undefined;
  }

  /** Whether credentials, rather than nothing or an anonymous token, were used. */
  get hasUsedCredentials(): boolean {
    return this.#hasUsedCredentials;
  }

  /** Why credentials that exist were not used; for error messages. */
  get remark(): string | undefined {
    return this.#remark;
  }

  /**
   * The Authorization header to send; undefined as long as the registry has not asked for one.  A
   * token that has ended is renewed first, since a body would be sent in vain.
   */
  async ready(alsoReads = ""): Promise<string | undefined> {
    const known = this.#valid(alsoReads);
    if (known !== undefined || this.#challenges === undefined) return known;
    return await this.#obtain(alsoReads, this.#challenges, undefined);
  }

  /**
   * An Authorization header that answers a 401.
   *
   * @param challenges the WWW-Authenticate headers
   * @param refused the header that was refused, if there was one
   * @param alsoReads a second repository that the request reads
   * @throws TsmanError REGISTRY_AUTH, saying what is missing
   */
  async answer(
    challenges: readonly string[],
    refused: string | undefined,
    alsoReads = "",
  ): Promise<string> {
    const known = this.#valid(alsoReads);
    // Several requests meet the same challenge at once: the first one's answer serves all.
    if (known !== undefined && known !== refused) return known;
    return await this.#obtain(alsoReads, parseChallenges(challenges), refused);
  }

  #grant(alsoReads: string): Grant {
    const found = this.#grants.get(alsoReads) ?? {};
    this.#grants.set(alsoReads, found);
    return found;
  }

  #valid(alsoReads: string): string | undefined {
    const grant = this.#grant(alsoReads);
    const { endsAt } = grant.current ?? {};
    if (endsAt !== undefined && endsAt <= performance.now()) grant.current = undefined;
    return grant.current?.header;
  }

  async #obtain(
    alsoReads: string,
    challenges: readonly Challenge[],
    refused: string | undefined,
  ): Promise<string> {
    const grant = this.#grant(alsoReads);
    grant.pending ??= this.#authorize(challenges, refused, alsoReads).finally(() => {
      grant.pending = undefined;
    });
    grant.current = await grant.pending;
    this.#challenges = challenges;
    return grant.current.header;
  }

  /** Asked once: a credential helper may want its user to unlock something. */
  async #credentials(): Promise<Credentials | undefined> {
    const { registry, repository, credentials } = this.#options;
    this.#known ??= Promise.resolve(credentials.findCredentials(registry, repository));
    return await this.#known;
  }

  async #authorize(
    challenges: readonly Challenge[],
    refused: string | undefined,
    alsoReads: string,
  ): Promise<Authorization> {
    const known = await this.#credentials();
    if (known?.kind === "registry-token") {
      const header = `Bearer ${known.token}`;
      if (header === refused) throw this.#error("it does not accept the token", true);
      this.#requireSafeChannel();
      this.#hasUsedCredentials = true;
      return { header };
    }
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) return await this.#fetchToken(bearer, known, alsoReads);
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

  async #fetchToken(
    challenge: Challenge,
    known: Credentials | undefined,
    alsoReads: string,
  ): Promise<Authorization> {
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
    const request = this.#tokenRequest(
      url,
      challenge,
      this.#scopes(challenge, alsoReads),
      isTrusted ? known : undefined,
    );
    this.#hasUsedCredentials = isTrusted && known !== undefined;
    if (this.#hasUsedCredentials) this.#requireSafeChannel();
    return await this.#requestToken(request, url);
  }

  /** What is asked for: no more than the request needs, whatever the registry proposes. */
  #scopes(challenge: Challenge, alsoReads: string): string[] {
    const { repository, access } = this.#options;
    const scopes: string[] = [];
    const actions = access === "push" ? "pull,push" : "pull";
    if (repository !== "") scopes.push(`repository:${repository}:${actions}`);
    if (alsoReads !== "") scopes.push(`repository:${alsoReads}:pull`);
    // Some registries know scopes of their own; one for a repository is for ours alone (case S54).
    const asked = challenge.parameters.get("scope") ?? "";
    if (asked !== "" && !asked.includes("repository:")) scopes.push(asked);
    return scopes;
  }

  #tokenRequest(
    url: URL,
    challenge: Challenge,
    scopes: readonly string[],
    known: Credentials | undefined,
  ): HttpRequest {
    const fields = new URLSearchParams();
    const service = challenge.parameters.get("service");
    if (service !== undefined && service !== "") fields.set("service", service);
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
    const name = repository === "" ? registry : `${registry}/${repository}`;
    const what = `get a token for ${name} from ${url.host}`;
    const response = await transport.send(request).catch((error: unknown) => {
      if (isAbort(error)) throw error;
      const final = requestError(error, what, url.host);
      throw isTransient(error) ? new RetryableError(final) : final;
    });
    if (response.status !== 200) {
      throw await statusError(response, {
        what,
        registry: url.host,
        name,
        hasCredentials: this.#hasUsedCredentials,
        remark: this.#remark,
        access: this.#options.access,
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
