import { type RuntimeConfig, refused } from "../../oci/runtime-config.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import type { Bundle } from "../bundle.ts";
import { devSymlinks } from "../devices.ts";
import { adoptCapabilities } from "./adopt-capabilities.ts";
import { adoptDevices } from "./adopt-devices.ts";
import { adoptMapping, refuseOtherMaps } from "./adopt-mapping.ts";
import { adoptMounts } from "./adopt-mounts.ts";
import { adoptNamespaces, refuseTraceableHooks, refuseUnmakeable } from "./adopt-namespaces.ts";
import { adoptProcess, processUser } from "./adopt-process.ts";
import { adoptResources } from "./adopt-resources.ts";
import { adoptSeccomp } from "./adopt-seccomp.ts";
import { adoptSysctls } from "./adopt-sysctls.ts";
import type { AdoptionFacts } from "./adoption-facts.ts";
import { refuseUnsupported } from "./refuse-unsupported.ts";

/**
 * Somebody else's config.json as the bundle that tsman's own containers are started from.  Pure.
 *
 * Hooks, scheduling and what else only such configurations have is compiled apart, from the
 * document itself (runtime/additions.ts).
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer of what cannot be had here
 */
export function adoptConfig(config: RuntimeConfig, facts: AdoptionFacts): Bundle {
  refuseUnsupported(config, facts);
  const namespaces = adoptNamespaces(config);
  const { linux } = config;
  const isNew = (type: string): boolean =>
    namespaces.some((one) => one.type === type && one.path === undefined);
  const mapping = adoptMapping(config, facts);
  if (isNew("user") && (mapping.uid.length === 0 || mapping.gid.length === 0)) {
    const missing = mapping.uid.length === 0 ? "uidMappings" : "gidMappings";
    throw refused(`/linux/${missing}`, "missing, and a new user namespace needs it");
  }
  refuseOtherMaps(mapping, namespaces, facts);
  refuseTraceableHooks(config, namespaces);
  const { mounts, hasOwnDev, warnings } = adoptMounts(config, facts, isNew("cgroup"));
  const devices = adoptDevices(config, facts, { hasOwnDev, inUserNamespace: isNew("user") });
  const { process } = config;
  const isInOwn = !namespaces.some(({ type }) => type === "user");
  if (isInOwn) refuseUnmakeable(namespaces, facts);
  const granted = adoptCapabilities(process, isInOwn ? facts.grantable : undefined);
  const spec: RuntimeSpec = {
    ociVersion: config.ociVersion,
    root: { path: config.root.path, readonly: config.root.readonly ?? false },
    ...(config.hostname !== undefined && config.hostname !== "" && { hostname: config.hostname }),
    mounts,
    process: adoptProcess(process, granted.capabilities),
    annotations: config.annotations ?? {},
    linux: {
      namespaces,
      uidMappings: linux.uidMappings ?? [],
      gidMappings: linux.gidMappings ?? [],
      devices: [],
      sysctl: adoptSysctls(config, namespaces),
      maskedPaths: linux.maskedPaths ?? [],
      readonlyPaths: linux.readonlyPaths ?? [],
      // Of the old root, before it is left: what is mounted must never reach the host.
      rootfsPropagation: linux.rootfsPropagation?.endsWith("private") ? "rprivate" : "rslave",
      resources: adoptResources(config),
      ...(linux.seccomp !== undefined && { seccomp: adoptSeccomp(linux.seccomp) }),
    },
  };
  return {
    config: spec,
    baseMounts: mounts.length,
    origins: undefined,
    artefacts: [],
    user: processUser(process, config.annotations),
    createWorkdir: true,
    devices: devices.binds,
    nodes: devices.nodes,
    symlinks: hasOwnDev ? [] : devSymlinks,
    mapping,
    useInit: false,
    hasOwnKeyring: false,
    warnings: [...warnings, ...devices.warnings, ...granted.warnings],
  };
}
