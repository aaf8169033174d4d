import path from "node:path";
import type { AccountOptions } from "../container/options.ts";
import type { Bundle, BundleRequest, HostUser, UserRequest } from "./bundle.ts";
import type { ReasonedMount } from "./default-mounts.ts";

// Lines in the container's /etc/passwd and /etc/group.

/** What of `--passwd`, `--passwd-entry` and `--group-entry` the look-up of the user takes. */
export function accountForms(
  accounts: AccountOptions | undefined,
): Pick<UserRequest, "isUnlisted" | "forms"> {
  if (accounts === undefined) return {};
  if (accounts.isAdded === false) return { isUnlisted: true };
  const { passwdEntry: passwd, groupEntry: group } = accounts;
  return {
    forms: { ...(passwd !== undefined && { passwd }), ...(group !== undefined && { group }) },
  };
}

/**
 * The lines of `--hostuser`.  A home is the host's where that, or something above it, is mounted; else the
 * working directory, as with Podman.
 */
export function hostUserLines(
  { hostUsers, options }: BundleRequest,
  workdir: string,
  mounts: readonly ReasonedMount[],
): Pick<Bundle, "hostUsers"> {
  if (hostUsers === undefined || options.accounts?.isAdded === false) return {};
  const form = options.accounts?.passwdEntry ?? "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh";
  return {
    hostUsers: hostUsers.map((user) => {
      const isMounted = mounts.some(({ destination }) => isWithin(user.home, destination));
      const line = fillForm(form, { ...user, home: isMounted ? user.home : workdir });
      return { name: user.name, uid: user.uid, line };
    }),
  };
}

function isWithin(file: string, directory: string): boolean {
  const relative = path.posix.relative(directory, file);
  return relative !== ".." && !relative.startsWith("../");
}

function fillForm(form: string, user: HostUser): string {
  const values: Readonly<Record<string, string>> = {
    USERNAME: user.name,
    UID: String(user.uid),
    GID: String(user.gid),
    NAME: user.fullName,
    HOME: user.home,
  };
  return form.replaceAll(
    /\$(USERNAME|UID|GID|NAME|HOME)/g,
    (whole, name: string) => values[name] ?? whole,
  );
}
