import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { request } from "node:http";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import type { Descriptor } from "./assemble.ts";

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Record<string, string | number>;
  readonly body?: Buffer | { readonly hostFile: string };
}

interface Document {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

/**
 * Pushes what an OCI layout directory holds to a registry that answers plain http
 * (distribution-spec, "Pushing manifests"): blobs that are missing, then manifests, children first.
 *
 * @param registry "127.0.0.1:5000"
 * @param name repository, "tests/many-layers"
 * @param tag "latest"
 * @returns digest of what the tag now names
 */
export async function pushLayout(
  directory: string,
  registry: string,
  name: string,
  tag: string,
): Promise<string> {
  const base = new URL(`http://${registry}/v2/${name}/`);
  const pathOf = (digest: string) => join(directory, "blobs", digest.replace(":", "/"));
  const index = JSON.parse(await readFile(join(directory, "index.json"), "utf8")) as Document;
  const root = index.manifests?.[0];
  if (root === undefined) throw new Error(`push ${directory}: index.json names no manifest`);

  const pushBlob = async (blob: Descriptor): Promise<void> => {
    const there = await call({ method: "HEAD", url: new URL(`blobs/${blob.digest}`, base) });
    if (there.status === 200) return;
    const opened = await call({ method: "POST", url: new URL("blobs/uploads/", base) });
    if (opened.status !== 202 || opened.location === undefined) throw refused("upload", opened);
    const target = new URL(opened.location, base);
    target.searchParams.set("digest", blob.digest);
    const done = await call({
      method: "PUT",
      url: target,
      headers: { "content-type": "application/octet-stream", "content-length": blob.size },
      body: { hostFile: pathOf(blob.digest) },
    });
    if (done.status !== 201) throw refused(`blob ${blob.digest}`, done);
  };

  const pushManifest = async (manifest: Descriptor, reference: string): Promise<void> => {
    const body = await readFile(pathOf(manifest.digest));
    const document = JSON.parse(body.toString("utf8")) as Document;
    for (const child of document.manifests ?? []) await pushManifest(child, child.digest);
    const blobs = [document.config, ...(document.layers ?? [])];
    for (const blob of blobs) if (blob !== undefined) await pushBlob(blob);
    const done = await call({
      method: "PUT",
      url: new URL(`manifests/${reference}`, base),
      headers: { "content-type": manifest.mediaType, "content-length": body.length },
      body,
    });
    if (done.status !== 201) throw refused(`manifest ${reference}`, done);
  };

  await pushManifest(root, tag);
  return root.digest;
}

function refused(what: string, answer: Answer): Error {
  return new Error(`push ${what}: the registry answered ${answer.status}: ${answer.body.trim()}`);
}

// node:http rather than fetch: an upload must have a Content-Length, not chunks.
async function call({ method, url, headers, body }: Call): Promise<Answer> {
  const outgoing = request(url, { method, headers: headers ?? {} });
  const answered = new Promise<Answer>((resolveAnswer, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("error", reject);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        resolveAnswer({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          body: Buffer.concat(chunks).toString("utf8"),
        });
      });
    });
  });
  if (body !== undefined && "hostFile" in body) {
    pipeline(createReadStream(body.hostFile), outgoing).catch((error: Error) => {
      // Reaches `answered` through "error", unless the registry has answered already.
      outgoing.destroy(error);
    });
    return await answered;
  }
  outgoing.end(body);
  return await answered;
}

const usage = `bin/node images/push.ts --registry HOST:PORT [--from DIR] (--all | NAME...)

Pushes built images (dist/images/NAME) as HOST:PORT/NAME:latest to a plain http registry.`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      registry: { type: "string" },
      from: { type: "string" },
      all: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || values.registry === undefined) {
    console.log(usage);
    if (!values.help) process.exitCode = 2;
    return;
  }
  const from = resolve(values.from ?? join(import.meta.dirname, "../dist/images"));
  const names = values.all ? (await readdir(from)).sort() : positionals;
  for (const name of names) {
    const digest = await pushLayout(join(from, name), values.registry, name, "latest");
    console.log(`${values.registry}/${name}:latest\t${digest}`);
  }
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(`push images: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
