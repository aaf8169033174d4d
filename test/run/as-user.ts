import type { OrdinaryUser } from "./ordinary-user.ts";

/** Program and arguments that, started by root, run `file` as `user` with no capability left. */
export function asUser(
  user: OrdinaryUser,
  file: string,
  args: readonly string[],
): { readonly file: string; readonly args: readonly string[] } {
  return {
    file: "setpriv",
    args: [
      `--reuid=${user.uid}`,
      `--regid=${user.gid}`,
      "--init-groups",
      // An inheritable set from the CI runner would be another machine than a user's.
      "--inh-caps=-all",
      // It ends with us, even when we are killed.
      "--pdeathsig=TERM",
      "--",
      file,
      ...args,
    ],
  };
}
