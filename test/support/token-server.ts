import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { selfSigned } from "./certificate.ts";
import { testUser } from "./docker-registry.ts";
import { basicOf } from "./registry-auth.ts";

const service = "registry of the tests";
const issuer = "token server of the tests";

/** One request for a token. */
export interface TokenRequest {
  readonly method: string;
  /** "" for nobody. */
  readonly user: string;
  readonly scopes: readonly string[];
  readonly grant: string | undefined;
}

/**
 * A token server for a real docker-registry; distribution's "token" and "oauth2" specifications.
 * Everybody may pull what is below `public/`, {@link testUser} may do everything.
 */
export class TokenServer implements AsyncDisposable {
  readonly requests: TokenRequest[] = [];
  /** Stands for the user, given by nobody here. */
  readonly refreshToken = "refresh-token-of-the-tests";
  readonly #certified = selfSigned({ hosts: ["127.0.0.1"] });
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request).then(
        ({ status, body }) => {
          response.writeHead(status, { "content-type": "application/json" });
          response.end(JSON.stringify(body));
        },
        () => response.destroy(),
      );
    });
  }

  static async start(): Promise<TokenServer> {
    const started = new TokenServer();
    started.#server.listen(0, "127.0.0.1");
    await once(started.#server, "listening");
    return started;
  }

  /** What a docker-registry behind this server takes. */
  get guard() {
    const { port } = this.#server.address() as AddressInfo;
    return {
      kind: "token",
      realm: `http://127.0.0.1:${port}/token`,
      service,
      issuer,
      certificate: this.#certified.cert,
    } as const;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: object }> {
    const url = new URL(request.url ?? "/", "http://token.invalid");
    const isPost = request.method === "POST";
    const fields = isPost ? new URLSearchParams(await text(request)) : url.searchParams;
    const { authorization } = request.headers;
    const isUser = isPost
      ? fields.get("refresh_token") === this.refreshToken
      : authorization === basicOf(testUser.username, testUser.password);
    const user = isUser ? testUser.username : "";
    const scopes = fields.getAll("scope").flatMap((one) => one.split(" ").filter(Boolean));
    const grant = fields.get("grant_type") ?? undefined;
    this.requests.push({ method: request.method ?? "", user, scopes, grant });
    if ((isPost || authorization !== undefined) && !isUser) {
      return { status: 401, body: { errors: [{ code: "UNAUTHORIZED", message: "wrong" }] } };
    }
    const token = this.#token(user, scopes);
    return { status: 200, body: isPost ? { access_token: token } : { token, expires_in: 300 } };
  }

  #token(user: string, scopes: readonly string[]): string {
    const now = Math.floor(Date.now() / 1000);
    const der = new X509Certificate(this.#certified.cert).raw.toString("base64");
    const header = encoded({ typ: "JWT", alg: "ES256", x5c: [der] });
    const claims = encoded({
      iss: issuer,
      sub: user,
      aud: service,
      iat: now,
      nbf: now - 10,
      exp: now + 300,
      jti: `${now}-${this.requests.length}`,
      access: scopes.map((scope) => granted(scope, user)),
    });
    const signature = sign("sha256", Buffer.from(`${header}.${claims}`), {
      key: createPrivateKey(this.#certified.key),
      dsaEncoding: "ieee-p1363",
    });
    return `${header}.${claims}.${signature.toString("base64url")}`;
  }
}

function granted(scope: string, user: string) {
  const [type = "", name = "", actions = ""] = scope.split(":");
  const wanted = actions.split(",");
  const isPublic = name.startsWith("public/");
  return {
    type,
    name,
    actions: wanted.filter((action) => user !== "" || (isPublic && action === "pull")),
  };
}

function encoded(document: object): string {
  return Buffer.from(JSON.stringify(document)).toString("base64url");
}
