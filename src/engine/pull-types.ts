import type { PullPolicy } from "../container/options.ts";
import type { Platform } from "../oci/platform.ts";
import type { PullProgress } from "./progress.ts";

/** A name and password for a registry, as of `--creds`. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
}

/** How an image is fetched. */
export interface PullOptions {
  /** Missing: this host's. */
  readonly platform?: Platform | undefined;
  /** Missing: true, except that loopback registries may answer plain http. */
  readonly tlsVerify?: boolean | undefined;
  /** Missing: "always". */
  readonly policy?: PullPolicy | undefined;
  /** Credentials file to read instead of the usual ones. */
  readonly authFile?: string | undefined;
  readonly credentials?: RegistryCredentials | undefined;
  /** Directory with the registry's `*.crt`, and `*.cert` with `*.key` of ours. */
  readonly certDir?: string | undefined;
  /** How often a request that fails is made again; missing: as the configuration says. */
  readonly retries?: number | undefined;
  /** Fetch an index with all that it names; its name stands for a manifest list then. */
  readonly allPlatforms?: boolean | undefined;
  /** Which image a name means is what this file says. */
  readonly lock?: LockOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: PullProgress) => void) | undefined;
}

/** A file that pins names of images to digests, `tsman.lock`. */
export interface LockOptions {
  /** Path of it. */
  readonly file: string;
  /** Ask the registry, and write down what it says; default: obey the file. */
  readonly update?: boolean | undefined;
}

/** An entry of a lock file. */
export interface PinnedImage {
  /** Full name, `registry/repository:tag`. */
  readonly name: string;
  /** Digests of the image's manifests by platform, `os/arch[/variant]`. */
  readonly platforms: Readonly<Record<string, string>>;
  /** Whether the file said something else before. */
  readonly isChanged: boolean;
}

/** What a pull gave. */
export interface PullResult {
  /** Image id: `sha256:` and 64 hexadecimal digits. */
  readonly id: string;
  /** What was written into the lock file. */
  readonly pinned?: PinnedImage | undefined;
}
