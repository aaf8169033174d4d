import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ociPath } from "../integration/oci-bundles.ts";
import { makeRootfs } from "./direct-launch.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// CVE-2016-9962 and S2, where no user namespace is between container and runtime, as with rootless
// Podman: what is about to be executed in a container is looked at by that one's root, which may
// trace it.
const stage = useStage();

it("a container that may trace finds no directory of the host with what is executed in it", async () => {
  const bundle = stage().directory();
  const rootfs = makeRootfs(join(bundle, "rootfs"));
  for (const name of ["dev", "etc"]) mkdirSync(join(rootfs, name), { recursive: true });
  writeFileSync(join(rootfs, "bin/procfd"), compileProbe("procfd"), { mode: 0o755 });
  const all = ["CAP_SYS_PTRACE"];
  const config = {
    ociVersion: "1.2.0",
    root: { path: rootfs },
    process: {
      args: ["procfd", stage().victim("file")],
      env: ["PATH=/bin"],
      cwd: "/",
      capabilities: { bounding: all, effective: all, permitted: all },
    },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: { namespaces: ["mount", "pid", "ipc", "uts"].map((type) => ({ type })) },
  };
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  const script = [
    'oci="$1 --root $2"; cd "$3"; $oci run traced & run=$!',
    "until [ -e rootfs/looking ]; do kill -0 $run || exit 1; done",
    "for i in $(seq 80); do $oci exec traced true || exit 2; done",
    "$oci kill traced KILL; wait $run; echo done",
  ].join("\n");
  const words = ["--map-root-user", "sh", "-c", script, "sh", ociPath, stage().directory(), bundle];
  const { stdout, stderr } = await stage().store.run(words, { program: "unshare" });
  expect(stderr).toBe("");
  expect(stdout).toBe("done\n");
  expect(existsSync(join(rootfs, "found"))).toBe(false);
  stage().expectVictimIntact();
});
