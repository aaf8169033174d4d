import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { departureOf } from "../../src/engine/oci/create-oci-container.ts";
import { newRecord, planBundle, prepareBundle } from "../../src/engine/oci/prepare-bundle.ts";
import { nativeProgram } from "../../src/platform/native.ts";
import { encodeLaunch } from "../../src/runtime/encode.ts";
import type { Candidate } from "./measure.ts";

/**
 * The native part of `tsman-oci run --bundle BUNDLE` alone: the session, as Node makes way for it,
 * until it has removed the container and ends with the program's status.
 *
 * @param directory of the container, which each run makes and removes.
 */
export async function recordBundleLaunch(bundle: string, directory: string): Promise<Candidate> {
  const id = "bench";
  const request = { id, bundleDir: bundle, preserveFds: 0, listenFds: 0, newKeyring: true };
  const context = {
    root: directory,
    cacheDir: directory,
    cgroupManager: "cgroupfs" as const,
    onWarning() {},
  };
  const prepared = await prepareBundle(context, request, false);
  const launch = planBundle(prepared, {
    record: newRecord(request, prepared),
    directory,
    departure: departureOf(request, undefined),
    foreground: true,
    isPassedThrough: true,
    session: { words: "proxy", removedMark: "" },
    removeTree: directory,
    hold: false,
    cgroup: undefined,
  });
  const frame = encodeLaunch(launch);
  const file = join(directory, "launch");
  return {
    name: "native part",
    argv: [nativeProgram(), "session", file, id, "/bin/false"],
    prepare: async () => {
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(file, frame, { mode: 0o600 });
    },
  };
}
