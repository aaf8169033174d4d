import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { containerOptions } from "../../src/cli/options/container-options.ts";
import { runOptions } from "../../src/cli/options/run-options.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { resolvePaths } from "../../src/config/paths.ts";
import { launchContext } from "../../src/engine/containers/launch-context.ts";
import { planContainer } from "../../src/engine/containers/plan-container.ts";
import { prepareRootfs } from "../../src/engine/containers/rootfs-driver.ts";
import { createContext } from "../../src/engine/context.ts";
import { departureOf } from "../../src/engine/oci/create-oci-container.ts";
import { newRecord, planBundle, prepareBundle } from "../../src/engine/oci/prepare-bundle.ts";
import { nativeProgram } from "../../src/platform/native.ts";
import { compilePlan } from "../../src/runtime/compile-plan.ts";
import { encodeLaunch } from "../../src/runtime/encode.ts";
import { compileSeccompFilter } from "../../src/runtime/seccomp-filter.ts";
import { openStore } from "../../src/store/store.ts";
import type { Candidate } from "./measure.ts";

/** What `tsman run` would send to the native program, ready to be sent again and again. */
export interface RecordedLaunch {
  /** Starts the container and waits for its end; milliseconds. */
  readonly run: () => Promise<number>;
}

/** Plans a container as `tsman run ARGV` does, and keeps the frame; the image must be unpacked. */
export async function recordLaunch(argv: readonly string[]): Promise<RecordedLaunch> {
  const paths = resolvePaths();
  const context = createContext(paths, openStore(paths));
  const { values, positionals } = await parseOptions(argv, runOptions, {
    stopAtPositional: true,
    command: "run",
  });
  const { options } = containerOptions(values, positionals, {
    cwd: "/",
    environment: {},
    readText: () => "",
  });
  const io = { signal: AbortSignal.timeout(60_000) };
  const planned = await planContainer(context, options, io, "run");
  const { containers } = context.store;
  mkdirSync(containers.dir(planned.id), { mode: 0o700 });
  for (const { name, content } of planned.bundle.artefacts) {
    writeFileSync(join(containers.dir(planned.id), name), content, { mode: 0o644 });
  }
  const { seccomp } = planned.bundle.config.linux;
  const parts = {
    rootfs: await prepareRootfs(context, planned, "overlay"),
    networkHelper: undefined,
    hold: false,
    terminal: undefined,
    seccompFilter:
      seccomp === undefined ? undefined : await compileSeccompFilter(seccomp, paths.cacheDir),
  };
  const launch = encodeLaunch(compilePlan(planned.bundle, launchContext(context, planned, parts)));
  context.store.close();
  return {
    run: async () => {
      mkdirSync(containers.runDir(planned.id), { recursive: true, mode: 0o700 });
      const begin = performance.now();
      const child = spawn(nativeProgram(), ["monitor"], {
        stdio: ["ignore", "ignore", "ignore", "pipe"],
        env: {},
      });
      const control = child.stdio[3] as Duplex;
      control.resume();
      control.write(launch);
      const [status] = (await once(child, "exit")) as [number | null];
      if (status !== 0) throw new Error(`recorded launch: the monitor ended with ${status}`);
      return performance.now() - begin;
    },
  };
}

/**
 * The native part of `tsman-oci run --bundle BUNDLE` alone: the session, as Node makes way for it,
 * until it has removed the container and ends with the program's status.
 *
 * @param directory of the container, which each run makes and removes.
 */
export async function recordBundleLaunch(bundle: string, directory: string): Promise<Candidate> {
  const id = "bench";
  const request = { id, bundleDir: bundle, preserveFds: 0, newKeyring: true };
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
