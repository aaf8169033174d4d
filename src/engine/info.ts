import { statfsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { defaultCapabilities } from "../bundle/capabilities.ts";
import { type CgroupFacts, readCgroupFacts } from "../cgroup/facts.ts";
import { findProgram } from "../config/find-program.ts";
import { isTsmanError } from "../errors/index.ts";
import { hostPlatform } from "../oci/platform.ts";
import { filesystemType } from "../platform/filesystem-type.ts";
import { nativeProgram, nodeProgram, seccompCompiler } from "../platform/native.ts";
import type { IdMapEntry } from "../platform/userns.ts";
import { listContainers } from "./containers/list-containers.ts";
import { firstDriver } from "./containers/rootfs-driver.ts";
import { type EngineContext, mappingFor } from "./context.ts";
import { deviceNodeState } from "./host/device-nodes.ts";
import { readMachineFacts } from "./host/machine.ts";
import { programVersion } from "./host/programs.ts";
import { readText } from "./host/read-text.ts";
import { readSysctlFacts } from "./host/sysctls.ts";
import type { InfoDocument, JsonValue } from "./types.ts";
import { tsmanVersion } from "./version.ts";

/**
 * The facts that `tsman doctor` judges, as data, with versions and paths: in Podman's members where
 * Podman has such, and in our own.  What tsman has no truth about (conmon, Go) is missing.
 */
export async function collectInfo(context: EngineContext): Promise<InfoDocument> {
  const sysctls = readSysctlFacts();
  const cgroups = readCgroupFacts();
  const slirp = await program("slirp4netns");
  return {
    host: hostSection(context, cgroups, slirp),
    store: await storeSection(context),
    registries: { search: await searchedRegistries(context) },
    plugins: {
      volume: ["local"],
      network: [],
      log: ["k8s-file", "json-file", "journald", "none", "passthrough"],
      authorization: null,
    },
    version: {
      Version: tsmanVersion(),
      Os: "linux",
      OsArch: `linux/${hostPlatform().architecture}`,
      tsman: tsmanVersion(),
      node: process.versions.node,
      nodeProgram: nodeProgram(),
      nativeProgram: nativeProgram(),
      seccompCompiler: seccompCompiler(),
    },
    ids: idSection(context),
    network: {
      slirp4netns: slirp,
      tun: deviceNodeState("/dev/net/tun"),
      unprivilegedPortStart: sysctls.unprivilegedPortStart,
      pingGroupRange: sysctls.pingGroupRange ?? null,
    },
    cgroups: {
      version: cgroups.version,
      path: cgroups.path ?? null,
      controllers: cgroups.controllers,
      manager: cgroups.manager,
      isDelegated: cgroups.manager !== "none",
    },
    kernelSettings: {
      maxUserNamespaces: sysctls.maxUserNamespaces ?? null,
      unprivilegedUsernsClone: sysctls.unprivilegedUsernsClone ?? null,
      apparmorRestrictUnprivilegedUserns: sysctls.apparmorRestrictUserns ?? null,
    },
  };
}

/** Null for a configuration that cannot be read: `doctor` says why. */
async function searchedRegistries(context: EngineContext): Promise<JsonValue> {
  try {
    return (await context.shortNames()).search;
  } catch (error) {
    if (isTsmanError(error, "CONFIG_INVALID")) return null;
    throw error;
  }
}

function hostSection(
  context: EngineContext,
  cgroups: CgroupFacts,
  slirp: FoundProgram | null,
): InfoDocument {
  const machine = readMachineFacts();
  const mapping = mappingFor(context, { mode: "default" });
  return {
    arch: hostPlatform().architecture,
    cgroupManager: cgroups.manager,
    cgroupControllers: cgroups.controllers,
    // What of v2 is mounted beside v1 has no controllers: Podman calls that v1.
    cgroupVersion: cgroups.version === "hybrid" ? "v1" : cgroups.version,
    cpus: os.availableParallelism(),
    cpuUtilization: machine.cpuUtilization,
    distribution: machine.distribution,
    eventLogger: "file",
    hostname: os.hostname(),
    idMappings: { gidmap: mapping.gid.map(goEntry), uidmap: mapping.uid.map(goEntry) },
    kernel: os.release(),
    logDriver: "k8s-file",
    ...machine.memory,
    networkBackend: "slirp4netns",
    ociRuntime: { name: "tsman-native", path: nativeProgram(), version: tsmanVersion() },
    os: "linux",
    security: {
      // A user namespace of its own each; no label of a security module.
      apparmorEnabled: false,
      capabilities: defaultCapabilities.join(","),
      rootless: context.host().uid !== 0,
      seccompEnabled: true,
      seccompProfilePath: "builtin",
      selinuxEnabled: false,
    },
    securityModules: readText("/sys/kernel/security/lsm")?.split(",") ?? [],
    serviceIsRemote: false,
    slirp4netns: slirp === null ? null : { executable: slirp.path, version: slirp.version },
    uptime: machine.uptime,
  };
}

async function storeSection(context: EngineContext): Promise<InfoDocument> {
  const { paths, store } = context;
  const containers = await listContainers(context, { all: true });
  const count = (...states: readonly string[]): number =>
    containers.filter(({ state }) => states.includes(state)).length;
  const [running, paused] = [count("running"), count("paused")];
  const { bsize, blocks, bfree } = statfsSync(paths.root);
  return {
    containerStore: {
      number: containers.length,
      paused,
      running,
      stopped: containers.length - running - paused,
    },
    graphDriverName: firstDriver(context),
    graphOptions: {},
    graphRoot: paths.root,
    graphRootAllocated: bsize * blocks,
    graphRootUsed: bsize * (blocks - bfree),
    graphStatus: { "Backing Filesystem": filesystemType(paths.root) },
    imageStore: { number: store.images.list().length },
    runRoot: paths.runtimeDir,
    volumePath: path.join(paths.root, "volumes"),
    cacheDir: paths.cacheDir,
    configDir: paths.configDir,
    rootfsDriver: store.settings.get("rootfs-driver") ?? "not tried yet",
    fuseOverlayfs: await program("fuse-overlayfs"),
    fuse: deviceNodeState("/dev/fuse"),
  };
}

function idSection(context: EngineContext): InfoDocument {
  const host = context.host();
  const mapping = mappingFor(context, { mode: "default" });
  return {
    uid: host.uid,
    gid: host.gid,
    user: host.userName ?? null,
    isNested: host.isNested,
    mapTools: host.tools.state,
    uidMap: mapping.uid.map(mapEntry),
    gidMap: mapping.gid.map(mapEntry),
    hasOneId: mapping.single,
    because: mapping.because,
  };
}

function mapEntry(entry: IdMapEntry): JsonValue {
  return { inside: entry.inside, outside: entry.outside, count: entry.count };
}

function goEntry(entry: IdMapEntry): JsonValue {
  return { container_id: entry.inside, host_id: entry.outside, size: entry.count };
}

type FoundProgram = { readonly path: string; readonly version: string | null };

async function program(name: string): Promise<FoundProgram | null> {
  const found = findProgram(name);
  if (found === undefined) return null;
  return { path: found, version: (await programVersion(found)) ?? null };
}
