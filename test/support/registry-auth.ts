import { randomBytes } from "node:crypto";
import type { RecordedRequest } from "./faulty-registry.ts";

/** How a {@link Gatekeeper} challenges. */
export type AuthScheme =
  | {
      /** RFC 7617. */
      readonly kind: "basic";
      readonly username: string;
      readonly password: string;
    }
  | {
      /** The Docker token protocol (distribution: docs/spec/auth/token.md). */
      readonly kind: "bearer";
      /** Token server; by default `/token` of the registry itself.  May be another origin. */
      readonly realm?: string;
      readonly service?: string;
      /** Without credentials anonymous tokens are issued. */
      readonly username?: string;
      readonly password?: string;
      /** Name of the field that carries the token (default "token"). */
      readonly field?: "token" | "access_token";
      /** Seconds, sent as expires_in. */
      readonly expiresIn?: number;
    }
  | {
      /** Every request is challenged for ever, whatever it carries. */
      readonly kind: "loop";
      readonly challenge?: string;
    }
  | {
      /** Challenged with exactly this header, never satisfied. */
      readonly kind: "challenge";
      readonly header: string;
    };

/** The answer to a request that may not pass. */
export interface Refusal {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Decides whether a request may pass; issues tokens. */
export class Gatekeeper {
  /** Token → scopes it was issued for. */
  readonly issued: Map<string, readonly string[]>;
  readonly #scheme: AuthScheme;

  /** `issued`: tokens of another gatekeeper, to be honoured and added to (a token server). */
  constructor(scheme: AuthScheme, issued = new Map<string, readonly string[]>()) {
    this.#scheme = scheme;
    this.issued = issued;
  }

  /** Every token issued so far is worthless from now on. */
  revokeAll(): void {
    this.issued.clear();
  }

  /** `origin` is that of the registry: the default realm. */
  judge(request: RecordedRequest, origin: string): "pass" | Refusal {
    const scheme = this.#scheme;
    const authorization = request.headers.authorization;
    switch (scheme.kind) {
      case "basic":
        if (authorization === basicOf(scheme.username, scheme.password)) return "pass";
        return refusal(401, 'Basic realm="test registry"');
      case "loop":
        return refusal(401, scheme.challenge ?? 'Basic realm="test registry"');
      case "challenge":
        return refusal(401, scheme.header);
      case "bearer":
        if (request.kind === "token") return this.#issue(request, scheme);
        return this.#judgeToken(request, scheme, origin);
      default:
        return scheme satisfies never;
    }
  }

  #judgeToken(
    request: RecordedRequest,
    scheme: Extract<AuthScheme, { kind: "bearer" }>,
    origin: string,
  ): "pass" | Refusal {
    const isRead = request.method === "GET" || request.method === "HEAD";
    const actions = isRead && request.kind !== "upload" ? "pull" : "pull,push";
    const scope = request.name === undefined ? undefined : `repository:${request.name}:${actions}`;
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const scopes = token === undefined ? undefined : this.issued.get(token);
    if (scopes !== undefined && (scope === undefined || covers(scopes, scope))) return "pass";
    const realm = scheme.realm ?? `${origin}/token`;
    const service = scheme.service ?? "test registry";
    const parts = [`realm="${realm}"`, `service="${service}"`];
    if (scope !== undefined) parts.push(`scope="${scope}"`);
    if (token !== undefined) parts.push('error="invalid_token"');
    return refusal(401, `Bearer ${parts.join(",")}`);
  }

  #issue(request: RecordedRequest, scheme: Extract<AuthScheme, { kind: "bearer" }>): Refusal {
    if (scheme.username !== undefined && scheme.password !== undefined) {
      if (request.headers.authorization !== basicOf(scheme.username, scheme.password)) {
        return refusal(401, undefined);
      }
    }
    const scopes = new URL(request.url, "http://token.invalid").searchParams.getAll("scope");
    const token = randomBytes(12).toString("base64url");
    this.issued.set(
      token,
      scopes.flatMap((scope) => scope.split(" ")),
    );
    return {
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        [scheme.field ?? "token"]: token,
        ...(scheme.expiresIn === undefined ? {} : { expires_in: scheme.expiresIn }),
      }),
    };
  }
}

/** Whether one of the scopes is for the same thing and has all the actions that are needed. */
function covers(scopes: readonly string[], needed: string): boolean {
  const [type, name, actions = ""] = needed.split(":");
  return scopes.some((scope) => {
    const has = scope.split(":");
    const all = has[2]?.split(",") ?? [];
    return (
      has[0] === type && has[1] === name && actions.split(",").every((one) => all.includes(one))
    );
  });
}

/** The Authorization header of RFC 7617. */
export function basicOf(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function refusal(status: number, challenge: string | undefined): Refusal {
  return {
    status,
    headers: {
      "content-type": "application/json",
      ...(challenge === undefined ? {} : { "www-authenticate": challenge }),
    },
    body: JSON.stringify({
      errors: [{ code: "UNAUTHORIZED", message: "authentication required" }],
    }),
  };
}
