import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

/** How an upload endpoint behaves; everything as the specification says if missing. */
export interface UploadRules {
  /** Location headers are built from this instead of being relative; "" for none at all. */
  readonly locationBase?: string;
  /** Whether blobs are mounted from other repositories. */
  readonly mounts?: boolean;
  /** Bytes of a body that is refused with 413. */
  readonly maxBody?: number;
  /** Sent as OCI-Chunk-Min-Length. */
  readonly chunkMinLength?: number;
  /** Whether GET of an upload says what has arrived. */
  readonly knowsStatus?: boolean;
  /**
   * After this many bytes of an upload, counted over its requests, the connection is reset; once for
   * each number.
   */
  readonly resetAfter?: readonly number[];
  /** After this many bytes nothing more is read, once. */
  readonly stallAfter?: number;
}

/** What has arrived, in pieces: joining them each time takes minutes for a large blob. */
interface Upload {
  pieces: Buffer[];
  length: number;
}

/** Uploads of a scripted registry; distribution-spec, "Pushing blobs". */
export class UploadEndpoint {
  /** What has arrived of each upload that is open. */
  open = new Map<string, Upload>();
  rules: UploadRules = {};
  readonly #store: (bytes: Buffer) => string;
  readonly #has: (digest: string) => boolean;
  #resets = 0;
  #hasStalled = false;

  constructor(store: (bytes: Buffer) => string, has: (digest: string) => boolean) {
    this.#store = store;
    this.#has = has;
  }

  /** Answers a request below `/v2/NAME/blobs/uploads/`. */
  async answer(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    const url = new URL(request.url ?? "/", "http://upload.invalid");
    const id = url.pathname.split("/").at(-1) ?? "";
    if (request.method === "POST") return this.#begin(response, name, url.searchParams);
    if (!this.open.has(id)) return void response.writeHead(404).end(unknownUpload);
    switch (request.method) {
      case "GET":
        if (this.rules.knowsStatus === false)
          return void response.writeHead(404).end(unknownUpload);
        return this.#accepted(response, name, id, 204);
      case "DELETE":
        this.open.delete(id);
        return void response.writeHead(204).end();
      case "PATCH":
        if (await this.#receive(request, response, id)) this.#accepted(response, name, id, 202);
        return;
      case "PUT":
        if (await this.#receive(request, response, id)) this.#complete(response, name, id, url);
        return;
      default:
        response.writeHead(405).end();
    }
  }

  #begin(response: ServerResponse, name: string, query: URLSearchParams): void {
    const mounted = query.get("mount");
    if (mounted !== null && this.rules.mounts === true && this.#has(mounted)) {
      response.writeHead(201, { location: `/v2/${name}/blobs/${mounted}` }).end();
      return;
    }
    const id = randomBytes(6).toString("hex");
    this.open.set(id, { pieces: [], length: 0 });
    this.#accepted(response, name, id, 202);
  }

  #accepted(response: ServerResponse, name: string, id: string, status: number): void {
    const { locationBase, chunkMinLength } = this.rules;
    const length = this.open.get(id)?.length ?? 0;
    const state = "_state=a%2Fb+c%3D";
    response.writeHead(status, {
      ...(locationBase !== "" && {
        location: `${locationBase ?? ""}/v2/${name}/blobs/uploads/${id}?${state}`,
      }),
      range: `0-${Math.max(0, length - 1)}`,
      "content-length": "0",
      ...(chunkMinLength !== undefined && { "oci-chunk-min-length": String(chunkMinLength) }),
    });
    response.end();
  }

  /** Whether the body was taken; otherwise it was answered, or the connection is gone. */
  async #receive(request: IncomingMessage, response: ServerResponse, id: string): Promise<boolean> {
    const { maxBody, resetAfter, stallAfter } = this.rules;
    if (maxBody !== undefined && Number(request.headers["content-length"] ?? 0) > maxBody) {
      request.resume();
      response.writeHead(413, { "content-type": "text/html", connection: "close" });
      response.end("<h1>413 Request Entity Too Large</h1>");
      return false;
    }
    const start = /^(\d+)-/.exec(String(request.headers["content-range"] ?? ""))?.[1];
    if (start !== undefined && Number(start) !== this.open.get(id)?.length) {
      request.resume();
      response.writeHead(416).end();
      return false;
    }
    for await (const chunk of request as AsyncIterable<Buffer>) {
      const upload = this.open.get(id);
      // Cancelled meanwhile.
      if (upload === undefined) return false;
      const limit = resetAfter?.[this.#resets] ?? Number.POSITIVE_INFINITY;
      const taken = chunk.subarray(0, Math.min(chunk.length, Math.max(0, limit - upload.length)));
      upload.pieces.push(taken);
      upload.length += taken.length;
      if (upload.length >= limit) {
        this.#resets += 1;
        request.socket.resetAndDestroy();
        return false;
      }
      if (stallAfter !== undefined && !this.#hasStalled && upload.length >= stallAfter) {
        this.#hasStalled = true;
        request.pause();
        await new Promise((resolve) => request.socket.once("close", resolve));
        return false;
      }
    }
    return true;
  }

  #complete(response: ServerResponse, name: string, id: string, url: URL): void {
    const bytes = Buffer.concat(this.open.get(id)?.pieces ?? []);
    this.open.delete(id);
    if (url.searchParams.get("_state") !== "a/b c=") {
      response.writeHead(400).end(errorBody("BLOB_UPLOAD_INVALID", "the state was changed"));
      return;
    }
    const digest = this.#store(bytes);
    if (digest !== url.searchParams.get("digest")) {
      response.writeHead(400).end(errorBody("DIGEST_INVALID", "the digest does not match"));
      return;
    }
    response
      .writeHead(201, { location: `/v2/${name}/blobs/${digest}`, "content-length": "0" })
      .end();
  }
}

function errorBody(code: string, message: string): string {
  return JSON.stringify({ errors: [{ code, message, detail: {} }] });
}

const unknownUpload = errorBody("BLOB_UPLOAD_UNKNOWN", "no such upload");
