import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { type AuthScheme, Gatekeeper } from "./registry-auth.ts";
import { UploadEndpoint } from "./upload-endpoint.ts";

/** Which kind of thing a request asks for. */
export type RequestKind = "ping" | "manifest" | "blob" | "upload" | "tags" | "token" | "other";

/** One request as it arrived, and what became of it. */
export interface RecordedRequest {
  readonly method: string;
  /** Path and query as on the request line. */
  readonly url: string;
  readonly kind: RequestKind;
  /** Repository name, for manifests, blobs and tags. */
  readonly name: string | undefined;
  /** Tag or digest, for manifests and blobs. */
  readonly reference: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Shorthand for headers.range. */
  readonly range: string | undefined;
  /** Status sent; 0 as long as none was. */
  status: number;
  /** Body bytes handed to the socket. */
  bytesSent: number;
}

/** How an answer goes wrong. */
export type FaultAction =
  /** The connection is reset (RST) before anything is answered. */
  | { readonly kind: "reset" }
  /** Correct headers, `bytes` of the body, then the connection is reset. */
  | { readonly kind: "reset-after"; readonly bytes: number }
  /** Correct Content-Length, `bytes` of the body, then an orderly end of the connection. */
  | { readonly kind: "short-body"; readonly bytes: number }
  /** Only `bytes` of the body with a Content-Length that says so. */
  | { readonly kind: "truncate"; readonly bytes: number }
  /** The body and `bytes` zero bytes more, with a Content-Length that says so. */
  | { readonly kind: "extend"; readonly bytes: number }
  /** The byte at `offset` (of the whole object, also for a ranged answer) is inverted. */
  | { readonly kind: "corrupt"; readonly offset: number }
  /** Another body altogether. */
  | { readonly kind: "replace"; readonly body: Uint8Array | string; readonly contentType?: string }
  /** An error status, e.g. 503, or 429 with Retry-After. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** A redirect. `{path}` in the location becomes path and query of the request. */
  | { readonly kind: "redirect"; readonly location: string; readonly status?: number }
  /** `chunk` bytes, then `ms` of silence, and so on. */
  | { readonly kind: "drip"; readonly chunk: number; readonly ms: number }
  /** After `bytes` of the body nothing more is sent until `until` resolves; then the rest. */
  | { readonly kind: "hold"; readonly bytes: number; readonly until: Promise<unknown> }
  /** Nothing is answered at all, the connection stays open. */
  | { readonly kind: "hang" }
  /** These headers are set on an otherwise right answer (a value "" removes the header). */
  | { readonly kind: "headers"; readonly headers: Readonly<Record<string, string>> }
  /** Transfer-Encoding: chunked, no Content-Length. */
  | { readonly kind: "chunked" }
  /** The body gzipped once more, with Content-Encoding: gzip. */
  | { readonly kind: "content-encoding" }
  /** A Range request is answered 200 with everything. */
  | { readonly kind: "ignore-range" }
  /** A Range request is answered 206 with bytes that start `shift` later than asked. */
  | { readonly kind: "wrong-range"; readonly shift: number }
  /** A Range request is answered 416. */
  | { readonly kind: "refuse-range" }
  /** Anything else. */
  | {
      readonly kind: "respond";
      readonly respond: (request: IncomingMessage, response: ServerResponse) => void;
    };

/** A fault and the requests that it befalls. */
export interface Fault {
  /** Requests of this kind … */
  readonly on?: RequestKind;
  /** … for this tag or digest … */
  readonly reference?: string;
  /** … with this method (GET if missing; "*" = any) … */
  readonly method?: string;
  /** … for which this holds … */
  readonly when?: (request: RecordedRequest) => boolean;
  /** … after this many such requests went well … */
  readonly skip?: number;
  /** … this many times (for ever if missing). */
  readonly times?: number;
  readonly action: FaultAction;
}

/** What {@link startFaultyRegistry} takes. */
export interface FaultyRegistryOptions {
  /** Challenge clients; without it everything is open. */
  readonly auth?: AuthScheme;
  /** Whether Range requests are honoured (default true). */
  readonly ranges?: boolean;
  /** Serve https with this PEM key and certificate. */
  readonly tls?: {
    readonly key: string;
    readonly cert: string;
    /** Only clients with a certificate of this authority (PEM) are let in. */
    readonly clientAuthority?: string;
  };
  /** Blobs, manifests and issued tokens of another registry hold here too (a second origin). */
  readonly share?: FaultyRegistry;
  /** Address to listen on (default 127.0.0.1). */
  readonly address?: string;
  readonly faults?: readonly Fault[];
}

interface StoredManifest {
  readonly mediaType: string;
  readonly body: Buffer;
}

interface ArmedFault extends Fault {
  seen: number;
  used: number;
}

/** A content store that several servers may share. */
interface Content {
  readonly blobs: Map<string, Buffer>;
  /** Keyed "name@digest" and "name:tag". */
  readonly manifests: Map<string, StoredManifest>;
}

const manifestPath = /^\/v2\/(.+)\/manifests\/([^/]+)$/;
const uploadPath = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/;
const blobPath = /^\/v2\/(.+)\/blobs\/([^/]+)$/;
const tagsPath = /^\/v2\/(.+)\/tags\/list$/;

/** `sha256:…` of some bytes. */
export function sha256Digest(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/**
 * A registry (distribution-spec, pull and push) that answers as scripted and remembers every request.
 * Content sits in memory, added by {@link addBlob}, {@link addManifest} or {@link addLayout}.
 */
export class FaultyRegistry implements AsyncDisposable {
  /** Every request, in order of arrival. */
  readonly requests: RecordedRequest[] = [];
  /** Present when `auth` was given: issued tokens, and a switch to revoke them. */
  readonly gatekeeper: Gatekeeper | undefined = undefined;
  /** The push half; its rules may be changed at any time. */
  readonly uploads: UploadEndpoint;
  readonly #server: Server;
  readonly #scheme: "http" | "https";
  readonly #address: string;
  readonly #ranges: boolean;
  readonly #content: Content;
  readonly #faults: ArmedFault[] = [];
  readonly #listeners = new Set<(request: RecordedRequest) => void>();

  constructor(options: FaultyRegistryOptions = {}) {
    this.#scheme = options.tls === undefined ? "http" : "https";
    this.#address = options.address ?? "127.0.0.1";
    this.#ranges = options.ranges ?? true;
    this.#content = options.share?.content ?? { blobs: new Map(), manifests: new Map() };
    this.uploads = new UploadEndpoint(
      (bytes) => this.addBlob(bytes),
      (digest) => this.#content.blobs.has(digest),
    );
    if (options.auth !== undefined) {
      this.gatekeeper = new Gatekeeper(options.auth, options.share?.gatekeeper?.issued);
    }
    for (const fault of options.faults ?? []) this.fault(fault);
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      this.#handle(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    };
    this.#server =
      options.tls === undefined
        ? createHttpServer(listener)
        : createHttpsServer(
            {
              key: options.tls.key,
              cert: options.tls.cert,
              ...(options.tls.clientAuthority !== undefined && {
                ca: options.tls.clientAuthority,
                requestCert: true,
                rejectUnauthorized: true,
              }),
            },
            listener,
          );
  }

  /** What is served; for `share`. */
  get content(): Content {
    return this.#content;
  }

  /** "127.0.0.1:PORT", as it stands before the slash of a reference. */
  get host(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#address}:${port}`;
  }

  /** "http://127.0.0.1:PORT". */
  get origin(): string {
    return `${this.#scheme}://${this.host}`;
  }

  /** Starts listening on a free port. */
  async listen(): Promise<this> {
    this.#server.listen(0, this.#address);
    await once(this.#server, "listening");
    return this;
  }

  /** Cuts all connections and stops listening. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Serves these bytes as a blob of every repository; returns the digest. */
  addBlob(bytes: Uint8Array | string): string {
    const body = Buffer.from(bytes);
    const digest = sha256Digest(body);
    this.#content.blobs.set(digest, body);
    return digest;
  }

  /** Serves these bytes under a digest that may be a lie. */
  addBlobAs(digest: string, bytes: Uint8Array | string): void {
    this.#content.blobs.set(digest, Buffer.from(bytes));
  }

  /** Serves a manifest or index under its digest and, if given, a tag; returns the digest. */
  addManifest(name: string, tag: string | undefined, mediaType: string, body: string | Uint8Array) {
    const stored = { mediaType, body: Buffer.from(body) };
    const digest = sha256Digest(stored.body);
    this.#content.manifests.set(`${name}@${digest}`, stored);
    if (tag !== undefined) this.#content.manifests.set(`${name}:${tag}`, stored);
    return digest;
  }

  /** Serves a manifest under a tag or digest that may be a lie. */
  addManifestAs(name: string, reference: string, mediaType: string, body: string | Uint8Array) {
    const separator = reference.includes(":") ? "@" : ":";
    this.#content.manifests.set(`${name}${separator}${reference}`, {
      mediaType,
      body: Buffer.from(body),
    });
  }

  /** Serves an OCI layout directory as `name:tag`; returns the digest of what the tag names. */
  async addLayout(name: string, tag: string, directory: string): Promise<string> {
    const read = (digest: string) =>
      readFile(join(directory, "blobs", ...(digest.split(":") as [string, string])));
    const index = JSON.parse(await readFile(join(directory, "index.json"), "utf8")) as Descriptors;
    const root = index.manifests?.[0];
    if (root === undefined)
      throw new Error(`OCI layout ${directory}: index.json names no manifest`);
    const walk = async (descriptor: Descriptor, tagged: string | undefined): Promise<void> => {
      const body = await read(descriptor.digest);
      this.addManifest(name, tagged, descriptor.mediaType, body);
      const document = JSON.parse(body.toString("utf8")) as Descriptors;
      for (const child of document.manifests ?? []) await walk(child, undefined);
      for (const blob of [document.config, ...(document.layers ?? [])]) {
        if (blob !== undefined) this.addBlob(await read(blob.digest));
      }
    };
    await walk(root, tag);
    return root.digest;
  }

  /** Arms one more fault.  The first armed fault that matches a request is used, others wait. */
  fault(fault: Fault): void {
    this.#faults.push({ ...fault, seen: 0, used: 0 });
  }

  /** From now on everything goes well. */
  clearFaults(): void {
    this.#faults.length = 0;
  }

  /** Requests of one kind, optionally for one tag or digest. */
  requestsOf(kind: RequestKind, reference?: string): RecordedRequest[] {
    return this.requests.filter(
      (request) =>
        request.kind === kind && (reference === undefined || request.reference === reference),
    );
  }

  /** Resolves with the first request, past or future, for which `matches` holds. */
  async waitForRequest(matches: (request: RecordedRequest) => boolean): Promise<RecordedRequest> {
    const past = this.requests.find(matches);
    if (past !== undefined) return past;
    return await new Promise((resolve) => {
      const listener = (request: RecordedRequest) => {
        if (!matches(request)) return;
        this.#listeners.delete(listener);
        resolve(request);
      };
      this.#listeners.add(listener);
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = this.#record(request);
    response.on("error", () => {
      // The client went away: that is its right, and often what the test is about.
    });
    const takesBody = record.kind === "upload" || record.method === "PUT";
    if (!takesBody) request.resume();
    const fault = this.#takeFault(record);
    const action = fault?.action;
    switch (action?.kind) {
      case "reset":
        request.socket.resetAndDestroy();
        return;
      case "hang":
        return;
      case "status":
        record.status = action.status;
        response.writeHead(action.status, { ...action.headers });
        response.end(action.body ?? errorBody("UNKNOWN", `scripted ${action.status}`));
        return;
      case "redirect":
        record.status = action.status ?? 307;
        response.writeHead(record.status, {
          location: action.location.replace("{path}", record.url),
          "content-length": "0",
        });
        response.end();
        return;
      case "respond":
        action.respond(request, response);
        record.status = response.statusCode;
        return;
      default:
        break;
    }
    if (this.gatekeeper !== undefined) {
      const verdict = this.gatekeeper.judge(record, this.origin);
      if (verdict !== "pass") {
        record.status = verdict.status;
        response.writeHead(verdict.status, verdict.headers);
        response.end(verdict.body);
        return;
      }
    }
    if (record.kind === "upload") {
      await this.uploads.answer(request, response, record.name ?? "");
      record.status = response.statusCode;
      return;
    }
    if (record.kind === "manifest" && record.method === "PUT") {
      await this.#storeManifest(record, request, response);
      return;
    }
    const found = this.#find(record);
    if (found === undefined) {
      const code = record.kind === "blob" ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN";
      record.status = 404;
      response.writeHead(404, { "content-type": "application/json" });
      response.end(errorBody(code, `${record.url} is not here`));
      return;
    }
    await this.#answer(record, response, found, action);
  }

  async #storeManifest(
    record: RecordedRequest,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { name = "", reference = "" } = record;
    const tag = reference.includes(":") ? undefined : reference;
    const mediaType = request.headers["content-type"] ?? "";
    const digest = this.addManifest(name, tag, mediaType, Buffer.concat(chunks));
    record.status = 201;
    response.writeHead(201, { "docker-content-digest": digest, "content-length": "0" }).end();
  }

  async #answer(
    record: RecordedRequest,
    response: ServerResponse,
    found: StoredManifest,
    action: FaultAction | undefined,
  ): Promise<void> {
    let whole = found.body;
    const headers: Record<string, string> = {
      "content-type": found.mediaType,
      "docker-distribution-api-version": "registry/2.0",
    };
    if (record.kind === "manifest" || record.kind === "blob") {
      headers["docker-content-digest"] = sha256Digest(found.body);
    }
    switch (action?.kind) {
      case "truncate":
        whole = whole.subarray(0, action.bytes);
        break;
      case "extend":
        whole = Buffer.concat([whole, Buffer.alloc(action.bytes)]);
        break;
      case "corrupt":
        whole = Buffer.from(whole);
        whole[action.offset] = 0xff ^ (whole[action.offset] ?? 0);
        break;
      case "replace":
        whole = Buffer.from(action.body);
        if (action.contentType !== undefined) headers["content-type"] = action.contentType;
        break;
      case "content-encoding":
        whole = gzipSync(whole);
        headers["content-encoding"] = "gzip";
        break;
      default:
        break;
    }
    let body = whole;
    record.status = 200;
    const range = /^bytes=(\d+)-(\d*)$/.exec(record.range ?? "");
    if (this.#ranges) headers["accept-ranges"] = "bytes";
    if (range !== null && this.#ranges && action?.kind !== "ignore-range") {
      const start = Number(range[1]);
      const end = Math.min(range[2] === "" ? whole.length : Number(range[2]) + 1, whole.length);
      if (action?.kind === "refuse-range" || start >= whole.length) {
        record.status = 416;
        response.writeHead(416, { "content-range": `bytes */${whole.length}` });
        response.end();
        return;
      }
      const shift = action?.kind === "wrong-range" ? action.shift : 0;
      record.status = 206;
      body = whole.subarray(start + shift, end);
      headers["content-range"] = `bytes ${start + shift}-${end - 1}/${whole.length}`;
    }
    if (action?.kind !== "chunked") headers["content-length"] = String(body.length);
    if (action?.kind === "headers") {
      for (const [name, value] of Object.entries(action.headers)) {
        if (value === "") delete headers[name.toLowerCase()];
        else headers[name.toLowerCase()] = value;
      }
    }
    response.writeHead(record.status, headers);
    if (record.method === "HEAD") {
      response.end();
      return;
    }
    await this.#send(record, response, body, action);
  }

  async #send(
    record: RecordedRequest,
    response: ServerResponse,
    body: Buffer,
    action: FaultAction | undefined,
  ): Promise<void> {
    const write = async (bytes: Buffer): Promise<void> => {
      if (response.destroyed || bytes.length === 0) return;
      record.bytesSent += bytes.length;
      await new Promise<void>((resolve) => {
        response.once("close", resolve);
        response.write(bytes, () => {
          response.off("close", resolve);
          resolve();
        });
      });
    };
    switch (action?.kind) {
      case "reset-after":
        await write(body.subarray(0, action.bytes));
        response.socket?.resetAndDestroy();
        return;
      case "short-body":
        await write(body.subarray(0, action.bytes));
        response.socket?.end();
        return;
      case "hold":
        response.flushHeaders();
        await write(body.subarray(0, action.bytes));
        await action.until;
        await write(body.subarray(action.bytes));
        response.end();
        return;
      case "drip":
        for (let at = 0; at < body.length && !response.destroyed; at += action.chunk) {
          await write(body.subarray(at, at + action.chunk));
          await delay(action.ms);
        }
        response.end();
        return;
      default:
        record.bytesSent = body.length;
        response.end(body);
    }
  }

  #record(request: IncomingMessage): RecordedRequest {
    const url = request.url ?? "/";
    const path = url.split("?", 1)[0] ?? "/";
    const record: RecordedRequest = {
      method: request.method ?? "GET",
      url,
      ...classify(path),
      headers: request.headers,
      range: request.headers.range,
      status: 0,
      bytesSent: 0,
    };
    this.requests.push(record);
    for (const listener of [...this.#listeners]) listener(record);
    return record;
  }

  #takeFault(record: RecordedRequest): Fault | undefined {
    for (const fault of this.#faults) {
      if (fault.on !== undefined && fault.on !== record.kind) continue;
      if (fault.reference !== undefined && fault.reference !== record.reference) continue;
      const method = fault.method ?? "GET";
      if (method !== "*" && method !== record.method) continue;
      if (fault.when !== undefined && !fault.when(record)) continue;
      fault.seen += 1;
      if (fault.seen <= (fault.skip ?? 0)) continue;
      if (fault.used >= (fault.times ?? Number.POSITIVE_INFINITY)) continue;
      fault.used += 1;
      return fault;
    }
    return undefined;
  }

  #find(record: RecordedRequest): StoredManifest | undefined {
    const { kind, name = "", reference = "" } = record;
    switch (kind) {
      case "ping":
        return { mediaType: "application/json", body: Buffer.from("{}") };
      case "blob": {
        const body = this.#content.blobs.get(reference);
        return body === undefined ? undefined : { mediaType: "application/octet-stream", body };
      }
      case "manifest": {
        const separator = reference.includes(":") ? "@" : ":";
        return this.#content.manifests.get(`${name}${separator}${reference}`);
      }
      case "tags": {
        const tags = [...this.#content.manifests.keys()]
          .filter((key) => key.startsWith(`${name}:`))
          .map((key) => key.slice(name.length + 1));
        const body = Buffer.from(JSON.stringify({ name, tags }));
        return { mediaType: "application/json", body };
      }
      default:
        return undefined;
    }
  }
}

/** Starts a {@link FaultyRegistry} on a free loopback port. */
export async function startFaultyRegistry(
  options: FaultyRegistryOptions = {},
): Promise<FaultyRegistry> {
  return await new FaultyRegistry(options).listen();
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
}

interface Descriptors {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

function classify(path: string): Pick<RecordedRequest, "kind" | "name" | "reference"> {
  const none = { name: undefined, reference: undefined };
  if (path === "/v2/" || path === "/v2") return { kind: "ping", ...none };
  if (path === "/token") return { kind: "token", ...none };
  const manifest = manifestPath.exec(path);
  if (manifest !== null) return { kind: "manifest", name: manifest[1], reference: manifest[2] };
  const upload = uploadPath.exec(path);
  if (upload !== null) return { kind: "upload", name: upload[1], reference: upload[2] };
  const blob = blobPath.exec(path);
  if (blob !== null) return { kind: "blob", name: blob[1], reference: blob[2] };
  const tags = tagsPath.exec(path);
  if (tags !== null) return { kind: "tags", name: tags[1], reference: undefined };
  return { kind: "other", ...none };
}

function errorBody(code: string, message: string): string {
  return JSON.stringify({ errors: [{ code, message, detail: {} }] });
}
