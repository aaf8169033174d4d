import { createHash } from "node:crypto";

/** A layer as the registry and the image configuration describe it. */
export interface PublishedLayer {
  /** Of the compressed blob. */
  readonly digest: string;
  readonly size: number;
  readonly diffId: string;
  /** image-spec config.md, "Layer ChainID". */
  readonly chainId: string;
}

/** What a registry has under a name. */
export interface PublishedImage {
  /** Digest of the manifest. */
  readonly digest: string;
  /** Digest of the configuration, which is the image's id, without "sha256:". */
  readonly id: string;
  readonly layers: readonly PublishedLayer[];
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly variant?: string };
}

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

const hostArchitecture = process.arch === "x64" ? "amd64" : process.arch;

/**
 * Asks a registry on loopback, with nothing of tsman involved, what `name:latest` is.
 *
 * @param architecture which child of an index, e.g. "arm64"; this host's if missing.
 */
export async function readPublished(
  registry: string,
  name: string,
  architecture = hostArchitecture,
): Promise<PublishedImage> {
  const base = `http://${registry}/v2/${name}`;
  const manifestOf = async (reference: string) => {
    const answer = await fetch(`${base}/manifests/${reference}`, {
      headers: { accept: manifestTypes },
    });
    if (!answer.ok) throw new Error(`read ${name}:${reference}: status ${answer.status}`);
    const body = Buffer.from(await answer.arrayBuffer());
    const document = JSON.parse(body.toString("utf8")) as {
      manifests?: Descriptor[];
      config: Descriptor;
      layers: Descriptor[];
    };
    return { ...document, digest: sha256(body) };
  };
  let manifest = await manifestOf("latest");
  if (manifest.manifests !== undefined) {
    const child = manifest.manifests.find((one) => one.platform?.architecture === architecture);
    if (child === undefined) throw new Error(`${name} has nothing for ${architecture}`);
    manifest = await manifestOf(child.digest);
  }
  const config = (await (await fetch(`${base}/blobs/${manifest.config.digest}`)).json()) as {
    rootfs: { diff_ids: string[] };
  };
  let chainId = "";
  const layers = manifest.layers.map(({ digest, size }, index) => {
    const diffId = config.rootfs.diff_ids[index] ?? "";
    chainId = index === 0 ? diffId : sha256(`${chainId} ${diffId}`);
    return { digest, size, diffId, chainId };
  });
  return { digest: manifest.digest, id: manifest.config.digest.replace("sha256:", ""), layers };
}

function sha256(bytes: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
