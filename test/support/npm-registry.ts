import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A published version. */
export interface Published {
  readonly tarball: Buffer;
  /** Default: the right one. */
  readonly integrity?: string | undefined;
  /** Default: at this registry. */
  readonly url?: string | undefined;
}

/** A registry of npm packages on loopback, which does as it is told. */
export interface NpmRegistry extends AsyncDisposable {
  readonly url: string;
  /** `GET /path` and the Authorization header of everything that was asked. */
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[];
  publish(name: string, version: string, published: Published | Buffer): void;
  tag(name: string, tag: string, version: string): void;
  /** Only who sends this header gets anything. */
  requireAuthorization(header: string): void;
  /** The next requests whose path matches are answered so instead. */
  answerNext(path: RegExp, answer: (response: ServerResponse) => void, times?: number): void;
}

/** Starts one on a free port. */
export async function startNpmRegistry(): Promise<NpmRegistry> {
  const packages = new Map<string, Map<string, Published>>();
  const tags = new Map<string, Record<string, string>>();
  const requests: NpmRegistry["requests"] = [];
  const answers: { path: RegExp; answer: (response: ServerResponse) => void; times: number }[] = [];
  let required: string | undefined;

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? "";
    const { authorization } = request.headers;
    requests.push({ path, authorization });
    const special = answers.find((each) => each.times > 0 && each.path.test(path));
    if (special !== undefined) {
      special.times -= 1;
      special.answer(response);
      return;
    }
    if (required !== undefined && authorization !== required) {
      response.writeHead(401).end("{}");
      return;
    }
    const file = /^\/tarballs\/(.+)\/([^/]+)\.tgz$/.exec(path);
    if (file !== null) {
      const found = packages.get(decodeURIComponent(file[1] ?? ""))?.get(file[2] ?? "");
      if (found === undefined) response.writeHead(404).end();
      else response.writeHead(200, { "content-length": found.tarball.length }).end(found.tarball);
      return;
    }
    const name = decodeURIComponent(path.slice(1));
    const versions = packages.get(name);
    if (versions === undefined) {
      response.writeHead(404).end("{}");
      return;
    }
    const document = {
      name,
      "dist-tags": tags.get(name) ?? {},
      versions: Object.fromEntries(
        [...versions].map(([version, { tarball, integrity, url }]) => [
          version,
          {
            name,
            version,
            dist: {
              tarball: url ?? `${base()}tarballs/${encodeURIComponent(name)}/${version}.tgz`,
              integrity: integrity ?? integrityOf(tarball),
            },
          },
        ]),
      ),
    };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
  });
  const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const tag = (name: string, word: string, version: string): void => {
    tags.set(name, { ...tags.get(name), [word]: version });
  };
  return {
    url: base(),
    requests,
    publish(name, version, published) {
      const versions = packages.get(name) ?? new Map<string, Published>();
      versions.set(version, Buffer.isBuffer(published) ? { tarball: published } : published);
      packages.set(name, versions);
      tag(name, "latest", version);
    },
    tag,
    requireAuthorization(header) {
      required = header;
    },
    answerNext(path, answer, times = 1) {
      answers.push({ path, answer, times });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Subresource Integrity of an archive, as npm writes it. */
export function integrityOf(tarball: Buffer): string {
  return `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
}
