import { existsSync, readFileSync, statSync } from "node:fs";
import process from "node:process";
import type { AdoptionFacts, HostNode, JoinedMaps } from "../../bundle/adopt/adoption-facts.ts";
import type { MapEntry } from "../../bundle/bundle.ts";
import { parseIdMap } from "../../container/process/id-names.ts";
import { TsmanError } from "../../errors/index.ts";
import type { RuntimeConfig } from "../../oci/runtime-config.ts";
import { capabilitiesOfMask } from "../../oci/runtime-spec.ts";
import { findMapTools } from "../../rootless/map-tools.ts";
import { isInitialMap } from "../../rootless/subid-file.ts";

/** CAP_SETGID and CAP_SETUID. */
const setIds = 0xc0n;

/**
 * What this host is, as far as the configuration depends on it.
 *
 * @throws TsmanError PREFLIGHT_SUBID when its id maps cannot be written by this process
 */
export function readAdoptionFacts(config: RuntimeConfig, bundleDir: string): AdoptionFacts {
  const status = readText("/proc/self/status");
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]{16})$/m.exec(status)?.[1] ?? "0"}`);
  const canSetIds = (capabilities & setIds) === setIds;
  const isNewUser = (config.linux.namespaces ?? []).some(
    ({ type, path }) => type === "user" && (path ?? "") === "",
  );
  const mapsItself = isNewUser && !canSetIds && isOwnId(config);
  return {
    bundleDir,
    // Getters: most configurations do not come to ask.
    get isUnified() {
      return existsSync("/sys/fs/cgroup/cgroup.controllers");
    },
    canMakeNodes: process.geteuid?.() === 0 && isInitialMap(readText("/proc/self/uid_map")),
    get grantable() {
      return grantableIn(status);
    },
    get canMakeNamespaces() {
      return capabilitiesIn(status, "Prm").includes("CAP_SYS_ADMIN");
    },
    mapTools: isNewUser && !canSetIds && !mapsItself ? usableTools(status) : undefined,
    mapsItself,
    get securityModules() {
      return readText("/sys/kernel/security/lsm").trim().split(",").filter(Boolean);
    },
    nodeAt,
    mapsOf,
  };
}

/** proc_pid_uid_map(5); of a namespace that is kept elsewhere nobody need be left to ask. */
function mapsOf(path: string): JoinedMaps | undefined {
  const pid = /^\/proc\/(\d+)\/ns\/user$/.exec(path)?.[1];
  if (pid === undefined) return undefined;
  const [uid, gid] = ["uid", "gid"].map((kind) => readMap(readText(`/proc/${pid}/${kind}_map`)));
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

function readMap(text: string): readonly MapEntry[] | undefined {
  const entries = parseIdMap(text).map(([inside, outside, count]) => ({ inside, outside, count }));
  return entries.length === 0 ? undefined : entries;
}

/** What a container in our own user namespace can have. */
function grantableIn(status: string): readonly string[] {
  const permitted = new Set(capabilitiesIn(status, "Prm"));
  return capabilitiesIn(status, "Bnd").filter((name) => permitted.has(name));
}

/** A set of a process's capabilities, proc_pid_status(5). */
function capabilitiesIn(status: string, set: "Bnd" | "Prm"): readonly string[] {
  return capabilitiesOfMask(
    new RegExp(`^Cap${set}:\\s*([0-9a-f]{16})$`, "m").exec(status)?.[1] ?? "",
  );
}

/** user_namespaces(7): the one mapping that an ordinary user may write without newuidmap. */
function isOwnId({ linux }: RuntimeConfig): boolean {
  const isOne = (list: typeof linux.uidMappings, id: number | undefined): boolean =>
    list?.length === 1 && list[0]?.size === 1 && list[0].hostID === id;
  return (
    isOne(linux.uidMappings, process.geteuid?.()) && isOne(linux.gidMappings, process.getegid?.())
  );
}

function usableTools(status: string): { newuidmap: string; newgidmap: string } {
  const tools = findMapTools({ status });
  if (tools.state === "usable") return tools;
  throw new TsmanError("PREFLIGHT_SUBID", `map ids of config.json: ${tools.because}`, {
    hint: tools.remedy,
    details: { pointer: "/linux/uidMappings" },
  });
}

function nodeAt(path: string): HostNode | undefined {
  try {
    const stat = statSync(path);
    if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return undefined;
    // makedev(3), as glibc packs it.
    const { rdev, uid, gid } = stat;
    return {
      uid,
      gid,
      mode: stat.mode & 0o7777,
      major: ((rdev >>> 8) & 0xfff) | (Math.floor(rdev / 2 ** 32) & ~0xfff),
      minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00),
    };
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
