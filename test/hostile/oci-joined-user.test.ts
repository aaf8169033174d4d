import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ociPath } from "../integration/oci-bundles.ts";
import { makeRootfs } from "./direct-launch.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// CVE-2016-9962 among three: a user without capabilities has a container with a user namespace of
// its own; root of his own user namespace puts one that may trace among its processes; and he makes
// a second one there.  All rights that his runtime has come with the user namespace that it joins.
const stage = useStage();

type Namespace = { readonly type: string; readonly path?: string };

/** A bundle's directory; in the place of PID, in its configuration, comes the process to join. */
function bundleOf(namespaces: readonly Namespace[], process: object, maps: object = {}): string {
  const bundle = stage().directory();
  const rootfs = makeRootfs(join(bundle, "rootfs"));
  const config = {
    ociVersion: "1.2.0",
    root: { path: rootfs },
    process: { env: ["PATH=/bin"], cwd: "/", ...process },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: { namespaces, ...maps },
  };
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  return bundle;
}

const own = ["mount", "ipc", "uts"].map((type) => ({ type }));
const sharedProcesses = { type: "pid", path: "/proc/PID/ns/pid" };

/** OCI BUNDLE-OF-FIRST BUNDLE-OF-TRACER BUNDLE-OF-SECOND STATE */
const script = [
  'mkdir "$5/roots" "$5/users"; chown -R 1:1 "$5/users" "$2" "$4"',
  'on=$5; while [ -O "$on" ]; do chmod a+x "$on"; on=$(dirname "$on"); done',
  'roots="$1 --root $5/roots"',
  'users="setpriv --reuid=1 --regid=1 --clear-groups --inh-caps=-all --bounding-set=-all',
  '  $1 --root $5/users"',
  '$users run --bundle "$2" --detach first </dev/null || exit 1',
  "pid=$($users state first | sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p')",
  'sed -i "s,PID,$pid,g" "$3/config.json" "$4/config.json"; chown 1:1 "$4/config.json"',
  '$roots run --bundle "$3" tracer </dev/null & run=$!',
  'until [ -e "$3/rootfs/looking" ]; do kill -0 $run || exit 1; done; touch "$3/rootfs/go"',
  'for i in $(seq 80); do $users run --bundle "$4" second </dev/null || exit 2; done',
  "$roots kill tracer KILL; wait $run; $users delete --force first",
  'chown -R 0:0 "$5" "$2" "$4"; echo done',
].join("\n");

async function watched(probe: string, argument: string): Promise<string> {
  const tracing = ["CAP_SYS_PTRACE"];
  const ids = [{ containerID: 0, hostID: 1, size: 1 }];
  const first = bundleOf(
    [...own, { type: "pid" }, { type: "user" }],
    { args: ["sleep", "1000"] },
    { uidMappings: ids, gidMappings: ids },
  );
  const tracer = bundleOf([...own, sharedProcesses], {
    args: [probe, argument],
    capabilities: { bounding: tracing, effective: tracing, permitted: tracing },
  });
  const second = bundleOf([...own, sharedProcesses, { type: "user", path: "/proc/PID/ns/user" }], {
    args: ["true"],
  });
  const rootfs = join(tracer, "rootfs");
  mkdirSync(join(rootfs, "dev"));
  writeFileSync(join(rootfs, "bin", probe), compileProbe(probe), { mode: 0o755 });
  const { stdout, stderr } = await stage().store.run(
    [
      ...["--map-root-user", "--map-auto", "sh", "-c", script, "sh", ociPath],
      ...[first, tracer, second, stage().directory()],
    ],
    { program: "unshare" },
  );
  expect(stderr).toBe("");
  expect(stdout).toBe("done\n");
  stage().expectVictimIntact();
  return rootfs;
}

it.for([
  ["directory of the host", "procfd", "victim"],
  ["socket that names a process of the host", "peers", ""],
  // Those over mounts, and what passes over the modes of files.
  ["rights", "rights", "82c1004"],
] as const)(
  "a container that may trace finds no %s in what a user without capabilities makes in the user namespace of its processes",
  async ([, probe, kind]) => {
    const rootfs = await watched(probe, kind === "victim" ? stage().victim("file") : kind);
    expect(existsSync(join(rootfs, "met"))).toBe(true);
    expect(existsSync(join(rootfs, "found"))).toBe(false);
  },
);
