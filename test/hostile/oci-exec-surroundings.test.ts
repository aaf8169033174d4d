import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ociPath } from "../integration/oci-bundles.ts";
import { projectRoot } from "../integration/support.ts";
import { requires } from "../support/must-work.ts";
import { makeRootfs } from "./direct-launch.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// CVE-2016-9962 and S2, where no user namespace is between container and runtime, as with rootless
// Podman: what is about to be executed in a container is looked at by that one's root, which may
// trace it.
const stage = useStage();
const denySyscall = join(projectRoot, "dist/native/deny-syscall");

/**
 * Where something is executed: in the container that traces, in one that shares its processes, or as
 * one that does, with a user namespace below the caller's or in the caller's own, also on a kernel
 * without fsconfig(2)'s pidns, created first and started then, with a filter and the rights of a
 * root, as Podman's, also on a kernel that shows mount namespaces, or with one that a program in the
 * caller's user namespace answers for.
 */
type Place =
  | "traced"
  | "beside"
  | "made-below"
  | "made"
  | "made-before"
  | "made-first"
  | "made-filtered"
  | "made-found"
  | "made-answered";

/** With the words of a test's name. */
const places: readonly (readonly [string, Place])[] = [
  ["it", "traced"],
  ["one that shares its processes, in a user namespace below", "beside"],
  ["one that is made to share its processes", "made"],
  ["one that is made to share its processes, in a user namespace below", "made-below"],
  ["one that is made to share its processes, before Linux 6.17", "made-before"],
  ["one that is created to share its processes, and started then", "made-first"],
  ["one that is made to share its processes, with a filter and rights", "made-filtered"],
  ["one that is made to share its processes, where mount namespaces are found", "made-found"],
  ["one that is made to share its processes, with a filter's listener", "made-answered"],
];

/** What this kernel may not have or lack; 0 is what NS_MNT_GET_PREV of ioctl_nsfs(2) returns then. */
const kernels: Partial<Record<Place, string>> = {
  "made-before": "fsconfig=22/1:5",
  "made-found": "ioctl=0/1:2148579084",
};

/** A bundle's directory, with the root file system in it. */
function prepareBundle(configOf: (rootfs: string) => object): string {
  const bundle = stage().directory();
  const rootfs = makeRootfs(join(bundle, "rootfs"));
  for (const name of ["dev", "etc"]) mkdirSync(join(rootfs, name), { recursive: true });
  writeFileSync(join(bundle, "config.json"), JSON.stringify(configOf(rootfs)));
  return bundle;
}

/** In the place of PID_NAMESPACE the other's processes, in that of AGENT who answers. */
function besideConfig(rootfs: string, place: Place): object {
  const ids = [{ containerID: 0, hostID: 0, size: 1 }];
  const isBelow = place === "beside" || place === "made-below";
  const own = [...(isBelow ? ["user"] : []), "mount", "ipc", "uts"].map((type) => ({ type }));
  const isMade = place.startsWith("made");
  const isFiltered = place === "made-filtered" || place === "made-found";
  const sets = isFiltered ? ["CAP_SYS_CHROOT", "CAP_NET_ADMIN"] : [];
  const isAnswered = place === "made-answered";
  const hasFilter = isAnswered || isFiltered;
  const action = isAnswered ? "SCMP_ACT_NOTIFY" : "SCMP_ACT_ERRNO";
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    ...(isAnswered ? { listenerPath: "AGENT" } : {}),
    syscalls: [{ names: ["mkdir"], action }],
  };
  return {
    ociVersion: "1.2.0",
    root: { path: rootfs },
    process: {
      args: isMade ? ["true"] : ["sleep", "1000"],
      env: ["PATH=/bin"],
      cwd: "/",
      capabilities: { bounding: sets, permitted: sets, effective: sets },
    },
    mounts: isMade
      ? [
          { destination: "/proc", type: "proc", source: "proc" },
          { destination: "/volume", type: "bind", source: stage().directory(), options: ["bind"] },
        ]
      : [],
    linux: {
      namespaces: [...own, { type: "pid", path: "PID_NAMESPACE" }],
      maskedPaths: isMade ? ["/proc/kcore"] : [],
      ...(hasFilter ? { seccomp } : {}),
      ...(isBelow ? { uidMappings: ids, gidMappings: ids } : {}),
    },
  };
}

/** The program that answers, where there is one. */
function agentOf(place: Place): string {
  if (place !== "made-answered") return "";
  const program = join(stage().directory(), "agent");
  writeFileSync(program, compileProbe("answer"), { mode: 0o755 });
  return program;
}

/**
 * Runs a probe as a container's root that may trace, in the caller's user namespace, and executes
 * something there, or beside it, again and again.
 *
 * @returns the directory that is its root.
 */
async function watched(
  probe: string,
  argument: string,
  ends: string,
  place: Place = "traced",
): Promise<string> {
  const all = ["CAP_SYS_PTRACE"];
  const bundle = prepareBundle((rootfs) => ({
    ociVersion: "1.2.0",
    root: { path: rootfs },
    process: {
      args: [probe, argument],
      env: ["PATH=/bin"],
      cwd: "/",
      capabilities: { bounding: all, effective: all, permitted: all },
    },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: { namespaces: ["mount", "pid", "ipc", "uts"].map((type) => ({ type })) },
  }));
  const rootfs = join(bundle, "rootfs");
  writeFileSync(join(rootfs, "bin", probe), compileProbe(probe), { mode: 0o755 });
  const script = [
    'oci="$1 --root $2"; cd "$3"; $oci run traced & run=$!',
    "until [ -e rootfs/looking ]; do kill -0 $run || exit 1; done",
    "pid=$($oci state traced | sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p')",
    'sed -i "s,PID_NAMESPACE,/proc/$pid/ns/pid,; s,AGENT,$5/agent," "$5/config.json"',
    '[ -z "$7" ] || { "$7" "$5/agent" >/dev/null & agent=$!; until [ -S "$5/agent" ]; do :; done; }',
    'if [ "$4" = beside ]; then $oci run --bundle "$5" --detach beside || exit 1; fi',
    "once() { case $4 in",
    `  made-first) $oci create --bundle "$5" "made$8" </dev/null && $oci start "made$8" ${ends}`,
    '    $oci delete --force "made$8" ;;',
    `  made*) $6 $oci run --bundle "$5" "made$8" ${ends} ;; *) $oci exec $4 true ${ends} ;; esac; }`,
    'touch rootfs/go; for i in $(seq 80); do once "$@" $i; done',
    '[ "$4" != beside ] || $oci delete --force beside',
    '[ -z "$7" ] || kill $agent',
    "$oci kill traced KILL; wait $run; echo done",
  ].join("\n");
  const words = [
    ...["--map-root-user", "sh", "-c", script, "sh", ociPath, stage().directory(), bundle],
    ...[place, prepareBundle((root) => besideConfig(root, place))],
    kernels[place] === undefined ? "" : `${denySyscall} ${kernels[place]}`,
    agentOf(place),
  ];
  const { stdout, stderr } = await stage().store.run(words, { program: "unshare" });
  expect(stderr).toBe("");
  expect(stdout).toBe("done\n");
  stage().expectVictimIntact();
  return rootfs;
}

it.for(places)(
  "a container that may trace finds no directory of the host with what is executed in %s",
  async ([, place], context) => {
    requires(context, existsSync(denySyscall), "dist/native/deny-syscall is not built");
    const rootfs = await watched("procfd", stage().victim("file"), "|| exit 2", place);
    expect(existsSync(join(rootfs, "met"))).toBe(true);
    expect(existsSync(join(rootfs, "found"))).toBe(false);
  },
);

it.for(places)(
  "a container that may trace finds nobody's descriptors by way of a socket of what is executed in %s",
  async ([, place], context) => {
    requires(context, existsSync(denySyscall), "dist/native/deny-syscall is not built");
    const rootfs = await watched("peers", "", "|| exit 2", place);
    expect(existsSync(join(rootfs, "met"))).toBe(true);
    expect(existsSync(join(rootfs, "found"))).toBe(false);
  },
);

// Init acts for whoever may trace it: what it may, they may.
it.for(places)(
  "a container that may trace finds no rights over mounts in what is executed in %s",
  async ([, place], context) => {
    requires(context, existsSync(denySyscall), "dist/native/deny-syscall is not built");
    const admin = 1 << 21;
    // Those that its program has as well; where mount namespaces are found, not even these.
    const programs: Partial<Record<Place, number>> = {
      traced: 1 << 19,
      "made-filtered": (1 << 12) | (1 << 18),
    };
    const own = programs[place] ?? 0;
    const others = ((1 << 2) | (1 << 12) | (1 << 18) | (1 << 19) | (1 << 27)) & ~own;
    // On older kernels its own /proc is mounted then; seccomp(2) takes it without no_new_privs.
    const takesAdmin = ["made-before", "made-filtered", "made-found", "made-answered"].includes(
      place,
    );
    const mask = takesAdmin ? others : others | admin;
    const rootfs = await watched("rights", mask.toString(16), "|| exit 2", place);
    expect(existsSync(join(rootfs, "met"))).toBe(true);
    expect(existsSync(join(rootfs, "found"))).toBe(false);
  },
);

it("a container that may trace crashes nothing by what it says as stage 1", async () => {
  const rootfs = await watched("impostor", "net", "</dev/null >/dev/null 2>>rootfs/errors || :");
  expect(existsSync(join(rootfs, "spoke"))).toBe(true);
  expect(readFileSync(join(rootfs, "errors"), "utf8")).not.toContain("ended without a word");
});

it("a container that may trace has no process of the host ended by what it says as init", async () => {
  const victim = spawn("sleep", ["300"]);
  try {
    // That such an exec fails is the container's own loss.
    const rootfs = await watched("impostor", String(victim.pid), "</dev/null >/dev/null 2>&1 || :");
    expect(existsSync(join(rootfs, "spoke"))).toBe(true);
    expect([victim.exitCode, victim.signalCode]).toEqual([null, null]);
  } finally {
    victim.kill("SIGKILL");
  }
});
