import os from "node:os";
import { defaultCapabilities } from "../../bundle/capabilities.ts";
import { defaultProfile } from "../../bundle/seccomp/default-profile.ts";
import { resolveProfile } from "../../bundle/seccomp/resolve-profile.ts";
import { toTsmanError } from "../../errors/index.ts";
import { hostPlatform } from "../../oci/platform.ts";
import { compileSeccompFilter } from "../../runtime/seccomp-filter.ts";
import type { EngineContext } from "../context.ts";
import { broken, type DoctorCheck, ok } from "./report.ts";

/** Bytes of one instruction: struct sock_filter. */
const instructionBytes = 8;

/** Compiles the default filter, or finds it compiled. */
export async function checkSeccomp(context: EngineContext): Promise<DoctorCheck> {
  const title = "seccomp filter";
  try {
    const filter = await compileSeccompFilter(
      resolveProfile(defaultProfile, {
        capabilities: defaultCapabilities,
        architecture: hostPlatform().architecture,
        kernelRelease: os.release(),
      }),
      context.paths.cacheDir,
    );
    return ok("seccomp", title, `${filter.length / instructionBytes} instructions`);
  } catch (error) {
    const failure = toTsmanError(error, "compile the default filter");
    return broken(
      "seccomp",
      title,
      {
        found: failure.message,
        consequence: "containers start only with --security-opt seccomp=unconfined",
        remedy: failure.hint ?? "build tsman's native programs again: npm run build:native",
      },
      true,
    );
  }
}
