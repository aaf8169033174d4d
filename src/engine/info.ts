import os from "node:os";
import process from "node:process";
import { findProgram } from "../config/find-program.ts";
import { filesystemType } from "../platform/filesystem-type.ts";
import { nativeProgram, nodeProgram, seccompCompiler } from "../platform/native.ts";
import type { IdMapEntry } from "../platform/userns.ts";
import { type EngineContext, mappingFor } from "./context.ts";
import { readCgroupFacts } from "./host/cgroups.ts";
import { deviceNodeState } from "./host/device-nodes.ts";
import { programVersion } from "./host/programs.ts";
import { readText } from "./host/read-text.ts";
import { readSysctlFacts } from "./host/sysctls.ts";
import type { InfoDocument, JsonValue } from "./types.ts";
import { tsmanVersion } from "./version.ts";

/** The facts that `tsman doctor` judges, as data, with versions and paths. */
export async function collectInfo(context: EngineContext): Promise<InfoDocument> {
  const host = context.host();
  const mapping = mappingFor(context, { mode: "default" });
  const cgroups = readCgroupFacts();
  const sysctls = readSysctlFacts();
  const { paths, store } = context;
  return {
    version: {
      tsman: tsmanVersion(),
      node: process.versions.node,
      nodeProgram: nodeProgram(),
      nativeProgram: nativeProgram(),
      seccompCompiler: seccompCompiler(),
    },
    host: {
      kernel: os.release(),
      architecture: process.arch,
      distribution: distribution(),
      hostname: os.hostname(),
      cpus: os.availableParallelism(),
      memoryTotal: os.totalmem(),
      securityModules: readText("/sys/kernel/security/lsm")?.split(",") ?? [],
    },
    ids: {
      uid: host.uid,
      gid: host.gid,
      user: host.userName ?? null,
      isNested: host.isNested,
      mapTools: host.tools.state,
      uidMap: mapping.uid.map(mapEntry),
      gidMap: mapping.gid.map(mapEntry),
      hasOneId: mapping.single,
      because: mapping.because,
    },
    network: {
      slirp4netns: await program("slirp4netns"),
      tun: deviceNodeState("/dev/net/tun"),
      unprivilegedPortStart: sysctls.unprivilegedPortStart,
      pingGroupRange: sysctls.pingGroupRange ?? null,
    },
    cgroups: {
      version: cgroups.version,
      path: cgroups.path ?? null,
      controllers: cgroups.controllers,
      isDelegated: cgroups.isDelegated,
    },
    kernelSettings: {
      maxUserNamespaces: sysctls.maxUserNamespaces ?? null,
      unprivilegedUsernsClone: sysctls.unprivilegedUsernsClone ?? null,
      apparmorRestrictUnprivilegedUserns: sysctls.apparmorRestrictUserns ?? null,
    },
    store: {
      root: paths.root,
      runtimeDir: paths.runtimeDir,
      cacheDir: paths.cacheDir,
      configDir: paths.configDir,
      filesystem: filesystemType(paths.root),
      rootfsDriver: store.settings.get("rootfs-driver") ?? "not tried yet",
      fuseOverlayfs: await program("fuse-overlayfs"),
      fuse: deviceNodeState("/dev/fuse"),
      images: store.images.list().length,
      containers: store.containers.list().length,
    },
  };
}

function mapEntry(entry: IdMapEntry): JsonValue {
  return { inside: entry.inside, outside: entry.outside, count: entry.count };
}

async function program(name: string): Promise<JsonValue> {
  const path = findProgram(name);
  if (path === undefined) return null;
  return { path, version: (await programVersion(path)) ?? null };
}

/** os-release(5). */
function distribution(): string {
  const line = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readText("/etc/os-release") ?? "");
  return line?.[1] ?? "unknown";
}
