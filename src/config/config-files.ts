import { accessSync, readdirSync } from "node:fs";
import path from "node:path";
import { environmentVariable } from "./environment.ts";
import { homeDirectory } from "./paths.ts";

/** The files that settings come from; later ones win. */
export interface ConfigFiles {
  /** registries.conf(5) and its drop-ins, of Podman and its relatives. */
  readonly registries: readonly string[];
  /** The first of them must be there, since the environment names it. */
  readonly isNamed: boolean;
  /** tsman's own. */
  readonly own: string;
}

/**
 * Finds the files; only those of `registries` that are there.  Costs a handful of system calls.
 *
 * The user's registries.conf takes the place of the system's, drop-ins of the system included;
 * without one, the user's drop-ins come after the system's (containers-registries.conf(5)).
 *
 * @param configDir tsman's own.
 * @param system the system's directory; another one in tests.
 */
export function findConfigFiles(configDir: string, system = "/etc/containers"): ConfigFiles {
  const own = path.join(configDir, "config.toml");
  const user = path.join(homeDirectory(), ".config/containers");
  const dropIns = (directory: string): string[] => listDropIns(`${directory}/registries.conf.d`);
  const named = environmentVariable("CONTAINERS_REGISTRIES_CONF");
  if (named !== undefined) {
    const registries = [named, ...dropIns(system), ...dropIns(user)];
    return { registries, isNamed: true, own };
  }
  const ofUser = path.join(user, "registries.conf");
  if (isThere(ofUser)) return { registries: [ofUser, ...dropIns(user)], isNamed: false, own };
  const ofSystem = path.join(system, "registries.conf");
  const first = isThere(ofSystem) ? [ofSystem] : [];
  const registries = [...first, ...dropIns(system), ...dropIns(user)];
  return { registries, isNamed: false, own };
}

/** Directories with `HOST[:PORT]/*.crt` and client certificates, the most important first. */
export function certificateDirectories(configDir: string): readonly string[] {
  return [
    path.join(configDir, "certs.d"),
    path.join(homeDirectory(), ".config/containers/certs.d"),
    "/etc/containers/certs.d",
    "/etc/docker/certs.d",
  ];
}

/** Where the policy for images may be: tsman's own, then Podman's; containers-policy.json(5). */
export function policyFiles(configDir: string): readonly string[] {
  return [
    path.join(configDir, "policy.json"),
    path.join(homeDirectory(), ".config/containers/policy.json"),
    "/etc/containers/policy.json",
  ];
}

function isThere(file: string): boolean {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
}

function listDropIns(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".conf"))
      .sort()
      .map((name) => path.join(directory, name));
  } catch {
    return [];
  }
}
