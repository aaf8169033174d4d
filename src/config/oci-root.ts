import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { resolvePaths, usableRuntimeDir } from "./paths.ts";

/** The whole of a 32-bit number space: user_namespaces(7). */
const initialMap = /^\s*0\s+0\s+4294967295\s*$/;

/**
 * Where the OCI runtime keeps its containers unless it is told: `/run/tsman-oci` for root of the
 * host, else `tsman-oci` in `$XDG_RUNTIME_DIR`, also for a caller that is root of a user namespace,
 * or, where that is missing, another's or others may write there, in tsman's own runtime directory.
 */
export function ociRoot(): string {
  if (process.geteuid?.() === 0 && initialMap.test(readMap())) return "/run/tsman-oci";
  return usableRuntimeDir("tsman-oci") ?? path.join(resolvePaths().runtimeDir, "oci");
}

function readMap(): string {
  try {
    return readFileSync("/proc/self/uid_map", "utf8");
  } catch {
    // A kernel without user namespaces.
    return "0 0 4294967295";
  }
}
