import type { PullProgress } from "./progress.ts";
import type { RegistryCredentials } from "./types.ts";

/** How an image is sent to a registry, or to another place. */
export interface PushOptions {
  /** All platforms: what is pushed has to be a manifest list. */
  readonly all?: boolean | undefined;
  /**
   * How its layers are packed; missing: as they are.  zstd makes OCI documents, since Docker's have
   * no such layers.
   */
  readonly compression?: "none" | "gzip" | "zstd" | undefined;
  /** gzip: 1 to 9, zstd: 1 to 22; packs anew what is packed in that way already. */
  readonly compressionLevel?: number | undefined;
  /** Packs anew what is packed in that way already. */
  readonly forceCompression?: boolean | undefined;
  /** Of the documents; missing: as the image has them. */
  readonly format?: "oci" | "docker" | undefined;
  /** Missing: true, except that loopback registries may speak plain http. */
  readonly tlsVerify?: boolean | undefined;
  /** Credentials file to read instead of the usual ones. */
  readonly authFile?: string | undefined;
  /** A directory of `*.crt`, `*.cert` and `*.key`, instead of the usual ones. */
  readonly certDir?: string | undefined;
  /** How often a request that fails is made again; missing: as the configuration says. */
  readonly retries?: number | undefined;
  readonly credentials?: RegistryCredentials | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: PullProgress) => void) | undefined;
}

/** What a push gave. */
export interface PushResult {
  /** Id of the image that was pushed, `sha256:` and 64 hexadecimal digits; of a list its digest. */
  readonly id: string;
  /** Of the manifest as it is there now. */
  readonly digest: string;
  /** Where it is now: `docker://registry.example/team/app:1`. */
  readonly destination: string;
}
