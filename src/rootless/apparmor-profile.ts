import { realpathSync } from "node:fs";

/** The file that an administrator gives {@link apparmorProfile} to. */
export const apparmorProfilePath = "/etc/apparmor.d/tsman";

/**
 * The AppArmor profile that lets the native program, and what it starts, make user namespaces where
 * Ubuntu restricts them (apparmor.d(5), "userns"); it confines nothing else.
 *
 * @param program path of tsman-native; the profile names its real path, since that is what AppArmor
 * compares.
 */
export function apparmorProfile(program: string): string {
  return `abi <abi/4.0>,
include <tunables/global>

profile tsman "${escapePattern(realPath(program))}" flags=(unconfined) {
  userns,

  include if exists <local/tsman>
}
`;
}

/** One command line for root that installs {@link apparmorProfile}. */
export function apparmorCommand(program: string): string {
  const profile = apparmorProfile(program).replaceAll("'", "'\\''");
  return (
    `printf '%s' '${profile}' | sudo tee ${apparmorProfilePath} >/dev/null && ` +
    `sudo apparmor_parser -r ${apparmorProfilePath}`
  );
}

/** A path is a pattern to AppArmor: what would match more than itself is escaped. */
function escapePattern(path: string): string {
  return path.replace(/[\\"*?[\]{}^@,]/g, "\\$&");
}

function realPath(program: string): string {
  try {
    return realpathSync(program);
  } catch {
    // Not built yet: the path that it will have.
    return program;
  }
}
