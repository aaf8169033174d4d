import { type RuntimeConfig, refused } from "../../oci/runtime-config.ts";
import { keepGroupsAnnotation } from "../../oci/runtime-features.ts";
import type { Capabilities, Process, RlimitName } from "../../oci/runtime-spec.ts";
import type { Bundle } from "../bundle.ts";

/** runc's and crun's. */
const defaultUmask = 0o022;

/**
 * `process.user` as the USER step takes it.
 *
 * @param annotations crun's for the caller's groups among them, which are kept instead of
 * `additionalGids` (crun(1), "Annotations"); Podman's `--group-add keep-groups` is made of it.
 */
export function processUser(
  process: RuntimeConfig["process"],
  annotations: RuntimeConfig["annotations"],
): Bundle["user"] {
  const { uid, gid, additionalGids } = process.user;
  return {
    spec: `${uid}:${gid}`,
    groups: (additionalGids ?? []).map(String),
    keepGroups: annotations?.[keepGroupsAnnotation] === "1",
    isExact: true,
  };
}

/**
 * `process` in the form of tsman's own.
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer
 */
export function adoptProcess(
  process: RuntimeConfig["process"],
  capabilities: Capabilities,
): Process {
  const { user } = process;
  return {
    terminal: process.terminal ?? false,
    user: {
      uid: user.uid,
      gid: user.gid,
      additionalGids: user.additionalGids ?? [],
      username: "",
      umask: user.umask ?? defaultUmask,
    },
    args: process.args,
    env: process.env ?? [],
    cwd: process.cwd,
    capabilities,
    rlimits: adoptRlimits(process),
    noNewPrivileges: process.noNewPrivileges ?? false,
    ...(process.oomScoreAdj !== undefined && { oomScoreAdj: process.oomScoreAdj }),
  };
}

function adoptRlimits({ rlimits = [] }: RuntimeConfig["process"]): Process["rlimits"] {
  const seen = new Set<string>();
  return rlimits.map(({ type, soft, hard }, index) => {
    const pointer = `/process/rlimits/${index}`;
    if (seen.has(type)) throw refused(`${pointer}/type`, `${type} stands twice`);
    seen.add(type);
    const limit = (name: "soft" | "hard", value: number): number => {
      // RLIM_INFINITY, which a JavaScript number only comes close to.
      if (value >= 2 ** 63) return -1;
      if (Number.isSafeInteger(value)) return value;
      throw refused(`${pointer}/${name}`, "a number that cannot be kept exactly");
    };
    const limits = { soft: limit("soft", soft), hard: limit("hard", hard) };
    if (limits.hard !== -1 && (limits.soft === -1 || limits.soft > limits.hard)) {
      throw refused(`${pointer}/soft`, "above the hard limit");
    }
    return { type: type as RlimitName, ...limits };
  });
}
