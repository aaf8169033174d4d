import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, chown, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exampleConfig } from "../../../src/bundle/adopt/example-config.ts";
import { requires } from "../../support/must-work.ts";
import { tsmanPath } from "../support.ts";

// A group of version 2 that root has given to the ordinary user, in a mount namespace of its own:
// so it is there on hosts of version 1 too, though without most controllers.

const execute = promisify(execFile);
const name = `tsman-test-${randomUUID()}`;
const user = process.env.TSMAN_TEST_USER;
const home = process.env.TSMAN_TEST_USER_HOME;
/** The user's own; root's tests have theirs where no other may look. */
let directory = "";

const mounted = [
  "mountpoint -q /sys/fs/cgroup && [ -e /sys/fs/cgroup/cgroup.controllers ] || {",
  "  umount --recursive --lazy /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup",
  "} || exit 77",
].join("\n");

/** Runs a script as the ordinary user, in a group that is its own; what it printed. */
async function inOwnGroup(script: string): Promise<string> {
  const group = `/sys/fs/cgroup/${name}`;
  const whole = [
    mounted,
    `mkdir ${group} ${group}/own || exit 77`,
    "end() {",
    // Not from within what is removed.
    "  echo $$ >/sys/fs/cgroup/cgroup.procs",
    `  for i in $(seq 100); do grep -q 'populated 0' ${group}/cgroup.events && break; sleep 0.1; done`,
    `  find ${group} -depth -type d -exec rmdir '{}' ';'`,
    "}",
    "trap end EXIT",
    `chown ${user} ${group}/own ${group}/own/cgroup.{procs,threads,subtree_control}`,
    `echo $$ >${group}/own/cgroup.procs`,
    `su ${user} -s /bin/bash -c "$TSMAN_SCRIPT"`,
  ].join("\n");
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    TSMAN_ROOT: join(directory, "data"),
    TSMAN_RUNTIME_DIR: join(directory, "run"),
    TSMAN_SCRIPT: `set -eu; cd /; T=${tsmanPath}; OWN=${group}/own; R=$TSMAN_RUNTIME_DIR\n${script}`,
  };
  const arguments_ = ["--mount", "--propagation", "private", "bash", "-c", whole];
  return (await execute("unshare", arguments_, { env })).stdout;
}

let reason = user === undefined || home === undefined ? "there is no ordinary user" : "";
beforeAll(async () => {
  if (reason !== "" || home === undefined) return;
  await execute("unshare", ["--mount", "--propagation", "private", "bash", "-c", mounted]).catch(
    (error: unknown) => {
      reason = `no version 2 of control groups can be mounted: ${String(error)}`;
    },
  );
  directory = await mkdtemp(join(home, "group-"));
  const { uid, gid } = await stat(home);
  await chown(directory, uid, gid);
  await chmod(directory, 0o700);
});
afterAll(async () => {
  if (directory === "") return;
  if (reason === "") await inOwnGroup("$T system reset --force >/dev/null");
  await rm(directory, { recursive: true });
});

describe("a control group that was handed to the user", () => {
  it("is shared out: each container has one, which goes with it", async (context) => {
    requires(context, reason === "", reason);
    const stdout = await inOwnGroup(`
      $T run --rm --quiet --network none --cgroups split --cgroupns host busybox cat /proc/self/cgroup | grep ^0::
      grep ^0:: /proc/self/cgroup
      $T run --rm --network none --cgroups split busybox cat /proc/self/cgroup | grep ^0::
      find $OWN -mindepth 1 -type d
    `);
    const [inside, caller, own, ...left] = stdout.trim().split("\n");
    expect(inside).toMatch(new RegExp(`^0::/${name}/own/tsman-[0-9a-f]{64}$`));
    expect(caller).toBe(`0::/${name}/own/tsman-callers`);
    expect(own).toBe("0::/");
    expect(left).toEqual([`/sys/fs/cgroup/${name}/own/tsman-callers`]);
  });

  it("keeps the monitor where it was started with --cgroups no-conmon", async (context) => {
    requires(context, reason === "", reason);
    const stdout = await inOwnGroup(`
      mkdir $OWN/unit $OWN/payload; echo $$ >$OWN/unit/cgroup.procs
      id=$($T run -d --quiet --network none --cgroups no-conmon --cgroup-parent \${OWN#/sys/fs/cgroup}/payload busybox sleep 1000)
      grep ^0:: /proc/$(cut -d' ' -f1 $R/$id/monitor)/cgroup; grep ^0:: /proc/$(cut -d' ' -f1 $R/$id/init)/cgroup
      $T rm --force --time 0 $id >/dev/null
      id=$($T run -d --quiet --network none --cgroups no-conmon busybox sleep 1000)
      grep ^0:: /proc/$(cut -d' ' -f1 $R/$id/monitor)/cgroup; grep ^0:: /proc/$(cut -d' ' -f1 $R/$id/init)/cgroup
      $T rm --force --time 0 $id >/dev/null
      echo $$ >$OWN/cgroup.procs; find $OWN -mindepth 1 -depth -type d -exec rmdir '{}' ';'
    `);
    expect(stdout.trim().split("\n")).toEqual([
      `0::/${name}/own/unit`,
      expect.stringMatching(new RegExp(`^0::/${name}/own/payload/tsman-[0-9a-f]{64}$`)),
      `0::/${name}/own/unit/tsman-callers`,
      expect.stringMatching(new RegExp(`^0::/${name}/own/unit/tsman-[0-9a-f]{64}$`)),
    ]);
  });

  it("freezes with pause, is entered by exec, and killed with all that is in it", async (context) => {
    requires(context, reason === "", reason);
    const stdout = await inOwnGroup(`
      id=$($T run -d --quiet --network none --cgroups split busybox sleep 1000)
      group=$OWN/tsman-$id
      $T pause $id >/dev/null; grep frozen $group/cgroup.events; $T ps --format '{{.State}}'
      $T unpause $id >/dev/null; grep frozen $group/cgroup.events; $T ps --format '{{.State}}'
      $T exec -d $id sleep 1001 >/dev/null
      for i in $(seq 100); do [ $(wc -l <$group/cgroup.procs) = 2 ] && break; sleep 0.1; done
      wc -l <$group/cgroup.procs
      $T inspect --format '{{.HostConfig.CgroupManager}} {{.HostConfig.Cgroups}}' $id
      $T pause $id >/dev/null; $T rm --force --time 0 $id >/dev/null; ls -d $group 2>/dev/null || echo gone
    `);
    expect(stdout.trim().split("\n")).toEqual([
      ...["frozen 1", "paused", "frozen 0", "running", "2", "cgroupfs split", "gone"],
    ]);
  });

  it("ends the health check that a freeze interrupts, and is entered by none while it lasts", async (context) => {
    requires(context, reason === "", reason);
    // One that entered the frozen group would stay there, and be seen.
    const stdout = await inOwnGroup(`
      hold='test ! -e /hold || { touch /held; sleep 1000; }'
      id=$($T run -d --quiet --network none --cgroups split --health-interval 100ms --health-timeout 30s \\
        --health-retries 1 --health-cmd "$hold" busybox sleep 1000)
      group=$OWN/tsman-$id; root=/proc/$(cut -d' ' -f1 $R/$id/init)/root
      until [ "$($T inspect --format '{{.State.Health.Status}}' $id)" = healthy ]; do sleep 0.1; done
      $T exec $id touch /hold
      until [ -e $root/held ]; do sleep 0.1; done
      $T pause $id >/dev/null
      until [ $(wc -l <$group/cgroup.procs) = 1 ]; do sleep 0.1; done
      rm $root/hold; checks=$(grep ^checks $R/$id/health)
      sleep 1; wc -l <$group/cgroup.procs
      $T unpause $id >/dev/null
      while grep -q "$checks" $R/$id/health; do sleep 0.1; done
      $T inspect --format '{{range .State.Health.Log}}{{.ExitCode}}{{end}}' $id | tr -d 0
      $T events --stream=false | grep -c unhealthy || true
      $T rm --force --time 0 $id >/dev/null
    `);
    expect(stdout).toBe("1\n\n0\n");
  });

  it("is cleaned up by the next command when the monitor was killed", async (context) => {
    requires(context, reason === "", reason);
    const stdout = await inOwnGroup(`
      id=$($T run -d --quiet --network none --cgroups split busybox sleep 1000)
      kill -9 $(cut -d' ' -f1 $R/$id/monitor)
      for i in $(seq 100); do grep -q 'populated 0' $OWN/tsman-$id/cgroup.events && break; sleep 0.1; done
      $T ps --all --format '{{.Status}}'
      ls -d $OWN/tsman-$id 2>/dev/null || echo gone
      $T start $id >/dev/null; ls -d $OWN/tsman-$id >/dev/null && echo again
      $T rm --force --time 0 $id >/dev/null
    `);
    expect(stdout.trim().split("\n")).toEqual(["Exited (unknown)", "gone", "again"]);
  });
});

describe("tsman-oci in a control group that was handed to the user", () => {
  it("makes the group of cgroupsPath: events, pause, exec and delete use it", async (context) => {
    requires(context, reason === "", reason);
    const { uid, gid } = await stat(directory);
    const config = structuredClone(exampleConfig({ uid, gid })) as ReturnType<typeof JSON.parse>;
    config.process.terminal = false;
    config.process.args = ["busybox", "sleep", "1000"];
    config.linux.cgroupsPath = "GROUP/web";
    await writeFile(join(directory, "config.json"), JSON.stringify(config));
    // In one of its own, since a group with processes gives no controller to those below it.
    const stdout = await inOwnGroup(`
      mkdir $OWN/callers; echo $$ >$OWN/callers/cgroup.procs
      O="$T-oci --root $R-oci"; B=$R-bundle; mkdir -p $B/rootfs/bin
      cp /bin/busybox $B/rootfs/bin/busybox
      sed "s|GROUP|\${OWN#/sys/fs/cgroup}|" ${directory}/config.json >$B/config.json
      $O create --bundle $B web
      wc -l <$OWN/web/cgroup.procs
      $O start web
      $O exec web busybox cat /proc/self/cgroup | grep ^0::
      $O events --stats web | grep -o '"type":"stats","id":"web"'
      $O pause web; grep frozen $OWN/web/cgroup.events; $O state web | grep -o paused
      $O resume web; grep frozen $OWN/web/cgroup.events
      $O delete --force web
      find $OWN -mindepth 1 -type d
      rm -r $B
      echo $$ >$OWN/cgroup.procs; rmdir $OWN/callers
    `);
    expect(stdout.trim().split("\n")).toEqual([
      ...["1", "0::/", '"type":"stats","id":"web"', "frozen 1", "paused", "frozen 0"],
      `/sys/fs/cgroup/${name}/own/callers`,
    ]);
  });
});
