import type { RegistryCredentials } from "./types.ts";

// What `registries` takes and hands out, as in types.ts.

/** Where logins are kept. */
export interface LoginFileOptions {
  /** Missing: $REGISTRY_AUTH_FILE, else tsman's own, $XDG_CONFIG_HOME/tsman/auth.json. */
  readonly authFile?: string | undefined;
}

/** How a login is checked. */
export interface LoginOptions extends LoginFileOptions {
  /** Missing: true, except that loopback registries may answer plain http. */
  readonly tlsVerify?: boolean | undefined;
  /** A directory of `*.crt`, `*.cert` and `*.key`, instead of the usual ones. */
  readonly certDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A login that was checked and is kept. */
export interface Login {
  /** `quay.io`, `quay.io/team`. */
  readonly registry: string;
  readonly file: string;
  /** The program that keeps the password, where the file names one. */
  readonly helper?: string | undefined;
  /** False for a registry that did not ask, so that nobody knows whether they are right. */
  readonly isChecked: boolean;
}

/** What a logout found. */
export interface Logout {
  readonly registry: string;
  /** False: there was nothing to forget. */
  readonly wasLoggedIn: boolean;
  /** Whether some other file, of Podman or Docker, still has credentials for it. */
  readonly hasOthers: boolean;
}

/** The part of `Tsman` that concerns registries rather than images. */
export interface RegistryService {
  /**
   * Shows a registry credentials and keeps them if it takes them.
   *
   * @param registry a host, or a part of its name space; missing: the first that short names are
   *   looked for in.
   * @throws TsmanError REFERENCE_INVALID, USAGE, REGISTRY_*, CONFIG_INVALID, PREFLIGHT_HELPER
   */
  logIn(
    registry: string | undefined,
    credentials: RegistryCredentials,
    options?: LoginOptions,
  ): Promise<Login>;
  /**
   * Shows a registry the credentials that are kept for it, wherever they are.
   *
   * @returns the user's name; undefined if there are none, or it does not take them.
   */
  checkLogin(registry: string | undefined, options?: LoginOptions): Promise<string | undefined>;
  /** The user's name that is known for a registry; "" for a token. */
  findLogin(registry: string | undefined, options?: LoginFileOptions): Promise<string | undefined>;
  logOut(registry: string | undefined, options?: LoginFileOptions): Promise<Logout>;
  /** @returns the file that has no credentials any more. */
  logOutEverywhere(options?: LoginFileOptions): Promise<string>;
}
