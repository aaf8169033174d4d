import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Machine, openMachine, requiresMachine, type Step } from "./machine.ts";

let machine: Machine;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(async () => await machine[Symbol.asyncDispose]());

const succeeded = (step: Step): string => {
  expect(step.stderr.replace(/^Layer .*\n/gm, "")).toBe("");
  expect(step.status).toBe(0);
  return step.stdout.trim();
};

/** A program that goes on until it is told to end. */
const patient = "'trap \"exit 3\" TERM; while :; do sleep 0.2; done'";
/** Takes memory until somebody ends it. */
const hog = "'x=a; while :; do x=$x$x; done'";
const limits =
  "'cd /sys/fs/cgroup; echo $(cat memory.max memory.swap.max pids.max cpu.max cpu.weight)'";

describe("in a login session with systemd", () => {
  it("limits are those of a delegated scope, which goes with the container", async (context) => {
    requiresMachine(context);
    const step = await machine.run(`
      run="$T run --rm --network none"
      step limits $run -m 64m --memory-swap 96m --pids-limit 20 --cpus 0.5 --cpu-shares 512 busybox sh -c ${limits}
      step default $run busybox cat /sys/fs/cgroup/pids.max
      step pids $run --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6; do sleep 9 & done; wait'
      step memory $run --name hog -m 32m --memory-swap 32m busybox sh -c ${hog}
      step events $T events --stream=false --filter container=hog --format '{{.Status}}'
      step cpuset $run --cpuset-cpus 0 busybox true
      step effort $run --limits best-effort --cpuset-cpus 0 -m 64m busybox cat /sys/fs/cgroup/memory.max
      step slice $run --cgroup-parent some.slice --cgroupns host busybox cat /proc/self/cgroup
      step doctor $T doctor
      step left find /sys/fs/cgroup/user.slice -name 'tsman-*'
    `);
    expect(succeeded(step("limits"))).toBe("67108864 33554432 20 50000 100000 59");
    expect(succeeded(step("default"))).toBe("2048");
    expect(step("pids").stderr).toContain("can't fork");
    expect(step("memory").status).toBe(137);
    expect(step("memory").stderr).toContain("out of memory (its limit is 33554432 bytes)");
    expect(step("events").stdout.split("\n")).toContain("oom");
    expect(step("cpuset").status).toBe(125);
    expect(step("cpuset").stderr).toContain("the controller cpuset is not delegated to you");
    expect(step("cpuset").stderr).toContain("/etc/systemd/system/user@.service.d/delegate.conf");
    expect(step("effort").stdout.trim()).toBe("67108864");
    expect(step("effort").stderr).toContain("cpuset.cpus has no effect");
    expect(succeeded(step("slice"))).toMatch(
      /\/some\.slice\/tsman-[0-9a-f]{64}\.scope\/container$/,
    );
    expect(step("doctor").stdout).toContain("v2, systemd, delegated: cpu memory pids");
    expect(succeeded(step("left"))).toBe("");
  });

  it("containers are frozen, measured and changed in their groups", async (context) => {
    requiresMachine(context);
    const step = await machine.run(`
      step run $T run -d --name web --network none -m 64m --restart on-failure busybox sh -c ${patient}
      group=/sys/fs/cgroup$($T inspect --format '{{.State.CgroupPath}}' web)
      step inspect $T inspect --format '{{.HostConfig.CgroupManager}} {{.HostConfig.LimitsInForce}}' web
      step stats $T stats --no-stream --format '{{.MemSource}} {{.MemLimit}} {{.PIDS}}' web
      step exec $T exec web cat /sys/fs/cgroup/cgroup.procs
      step pause $T pause web
      step frozen grep frozen $group/cgroup.events
      step paused $T ps --format '{{.Status}}'
      step unpause $T unpause web
      step thawed grep frozen $group/cgroup.events
      step update $T update -m 32m --pids-limit 9 web
      step updated cat $group/memory.max $group/pids.max
      step refused $T update -m 16m --cpuset-cpus 0 web
      step unchanged cat $group/memory.max
      init=$(cut -d' ' -f1 $XDG_RUNTIME_DIR/tsman/*/init)
      step kill kill -9 $init
      # An emulated machine takes its time for a start.
      for i in $(seq 1200); do
        again=$(cut -d' ' -f1 $XDG_RUNTIME_DIR/tsman/*/init 2>/dev/null)
        [ -n "$again" ] && [ "$again" != $init ] && break
        sleep 0.1
      done
      step restarted cat $group/memory.max
      step stop $T stop web
      step gone test ! -e $group
      step start $T start web
      step started cat $group/memory.max
      kill -9 $(cut -d' ' -f1 $XDG_RUNTIME_DIR/tsman/*/monitor)
      step lost $T ps --all --format '{{.Status}}'
      step left find $group -name cgroup.procs
    `);
    succeeded(step("run"));
    expect(succeeded(step("inspect"))).toMatch(
      /^systemd map\[memory\.max:67108864 memory\.swap\.max:67108864 pids\.max:2048\]$/,
    );
    expect(succeeded(step("stats"))).toMatch(/^cgroup 67108864 \d+$/);
    expect(succeeded(step("exec")).split("\n").length).toBeGreaterThanOrEqual(2);
    succeeded(step("pause"));
    expect(succeeded(step("frozen"))).toBe("frozen 1");
    expect(succeeded(step("paused"))).toMatch(/\(Paused\)$/);
    succeeded(step("unpause"));
    expect(succeeded(step("thawed"))).toBe("frozen 0");
    succeeded(step("update"));
    expect(succeeded(step("updated"))).toBe("33554432\n9");
    expect(step("refused").status).toBe(125);
    expect(succeeded(step("unchanged"))).toBe("33554432");
    expect(succeeded(step("restarted"))).toBe("33554432");
    succeeded(step("stop"));
    succeeded(step("gone"));
    expect(succeeded(step("started"))).toBe("33554432");
    expect(succeeded(step("lost"))).toBe("Exited (unknown)");
    expect(step("left").stdout).toBe("");
  });
});

describe("where systemd hands over more or less", () => {
  it("cpuset and io work with the drop-in that the error names", async (context) => {
    requiresMachine(context);
    const dropIn = "/etc/systemd/system/user@.service.d";
    const step = await machine.run(
      `
      disk=$(lsblk --nodeps --noheadings --output PATH | head -n 1)
      step run $T run --rm --network none --cpuset-cpus 0 --device-write-bps $disk:1mb --blkio-weight 500 \
        busybox sh -c 'cd /sys/fs/cgroup; cat cpuset.cpus io.max'
      step disk $T run --rm --network none --device-read-bps /dev/null:1mb busybox true
      `,
      {
        rootPre: `mkdir -p ${dropIn}; printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' >${dropIn}/delegate.conf; systemctl daemon-reload; systemctl restart user@1000`,
      },
    );
    expect(step("run").stdout).toMatch(/^0\n\d+:\d+ rbps=max wbps=1048576 riops=max wiops=max\n$/);
    expect(step("disk").stderr).toContain("it is no block device");
  });

  it("without memory, the kernel's command line is named", async (context) => {
    requiresMachine(context);
    const step = await machine.run(
      "step run $T run --rm --network none -m 64m busybox true; step effort $T run --rm --network none -m 64m --limits best-effort busybox sh -c 'ulimit -d'",
      { append: "cgroup_disable=memory" },
    );
    expect(step("run").status).toBe(125);
    expect(step("run").stderr).toContain("cgroup_enable=memory");
    expect(step("effort").stdout.trim()).toBe("65536");
  });

  it("version 1 is an error that says so", async (context) => {
    requiresMachine(context);
    const step = await machine.run(
      "step run $T run --rm --network none -m 64m busybox true; step plain $T run --rm --network none busybox echo ran",
      { append: "systemd.unified_cgroup_hierarchy=0" },
    );
    expect(step("run").status).toBe(125);
    expect(step("run").stderr).toContain("version 1 of control groups");
    expect(step("run").stderr).toContain("systemd.unified_cgroup_hierarchy=1");
    expect(step("plain").stdout).toBe("ran\n");
  });

  it("a service with Delegate=yes is shared out without D-Bus", async (context) => {
    requiresMachine(context);
    const step = await machine.run(
      `
      unset DBUS_SESSION_BUS_ADDRESS
      step scope env -u XDG_RUNTIME_DIR systemd-run --user --scope --quiet -p Delegate=yes true
      inside='/src/bin/tsman run --rm --network none --cgroups split -m 64m busybox cat /sys/fs/cgroup/memory.max
        /src/bin/tsman run --rm --network none --cgroups split --cgroupns host busybox cat /proc/self/cgroup'
      step split systemd-run --user --scope --quiet --unit shared -p Delegate=yes bash -c "$inside"
      inside='id=$(/src/bin/tsman run -d --quiet --network none --cgroups no-conmon -m 64m --cgroupns host busybox sleep 1000)
        /src/bin/tsman exec $id cat /proc/self/cgroup; cat /proc/$(/src/bin/tsman inspect --format "{{.State.ConmonPid}}" $id)/cgroup
        /src/bin/tsman rm --force --time 0 $id >/dev/null'
      step apart systemd-run --user --scope --quiet --unit apart -p Delegate=yes bash -c "$inside"
      `,
    );
    const lines = succeeded(step("split")).split("\n");
    expect(lines[0]).toBe("67108864");
    expect(lines[1]).toMatch(/\/shared\.scope\/tsman-[0-9a-f]{64}$/);
    const [container, monitor] = succeeded(step("apart")).split("\n");
    expect(container).toMatch(/\/apart\.scope\/tsman-[0-9a-f]{64}$/);
    // Where it was started: the scope's processes are in a group of their own, as the kernel wants it.
    expect(monitor).toMatch(/\/apart\.scope\/tsman-callers$/);
  });
});
