import path from "node:path";
import type { LockOptions, RegistryCredentials } from "../../engine/types.ts";
import { usageError } from "../usage-error.ts";

/** Where `--locked` and `--lock` look unless `--lock-file` says so. */
const lockFileName = "tsman.lock";

/** The options of `run` and `create` that concern the fetching of the image. */
interface FetchValues {
  readonly "tls-verify": boolean;
  readonly authfile: string | undefined;
  readonly "cert-dir": string | undefined;
  readonly creds: RegistryCredentials | undefined;
  readonly locked: boolean;
  readonly "lock-file": string | undefined;
}

/** How an image is fetched, in the engine's terms. */
export interface FetchOptions {
  /** Missing: not said. */
  readonly tlsVerify: boolean | undefined;
  readonly authFile: string | undefined;
  readonly certDir: string | undefined;
  readonly credentials: RegistryCredentials | undefined;
  readonly lockFile: string | undefined;
}

/**
 * What the options say about fetching the image.
 *
 * @param given names of the options that were written.
 * @throws TsmanError USAGE
 */
export function fetchOptions(
  values: FetchValues,
  given: ReadonlySet<string>,
  cwd: string,
): FetchOptions {
  return {
    tlsVerify: given.has("tls-verify") ? values["tls-verify"] : undefined,
    authFile: values.authfile,
    certDir: values["cert-dir"],
    credentials: values.creds,
    lockFile: values.locked ? lockFilePath(values, cwd) : refuseLockFile(values),
  };
}

/**
 * What `pull` is to do about a lock file; undefined: nothing.
 *
 * @throws TsmanError USAGE
 */
export function lockOf(
  values: {
    readonly lock: boolean;
    readonly locked: boolean;
    readonly "lock-file"?: string | undefined;
  },
  images: readonly string[],
  cwd: string,
): LockOptions | undefined {
  const { lock, locked } = values;
  if (lock && locked) {
    throw usageError(
      "use --lock with --locked: one writes the file, the other obeys it",
      "choose one of them",
    );
  }
  if (images.length === 0 && !locked) {
    throw usageError("pull: no image is named", "name one, or fetch those of tsman.lock: --locked");
  }
  if (!lock && !locked) return refuseLockFile(values);
  return { file: lockFilePath(values, cwd), update: lock };
}

/** Path of the lock file. */
function lockFilePath(values: { readonly "lock-file"?: string | undefined }, cwd: string): string {
  return path.resolve(cwd, values["lock-file"] ?? lockFileName);
}

function refuseLockFile(values: { readonly "lock-file"?: string | undefined }): undefined {
  if (values["lock-file"] === undefined) return undefined;
  throw usageError(
    `use --lock-file ${values["lock-file"]}: neither --locked nor --lock is there to use it`,
    "add --locked, or leave it out",
  );
}
