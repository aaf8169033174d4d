import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Machine, openMachine, requiresMachine } from "./machine.ts";

let machine: Machine;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(async () => await machine[Symbol.asyncDispose]());

describe("a host that refuses user namespaces", () => {
  it.for(["user.max_user_namespaces=0", "kernel.unprivileged_userns_clone=0"])(
    "by %s is told from others, with the remedy",
    async (sysctl, context) => {
      requiresMachine(context);
      const [name = ""] = sysctl.split("=");
      const step = await machine.run(
        "step run $T run --rm --network none busybox true; step doctor $T doctor",
        { sysctl },
      );
      expect(step("run").status).toBe(125);
      expect(step("run").stderr).toContain(name);
      expect(step("doctor").stdout).toContain(name);
    },
  );

  it("by AppArmor, as Ubuntu does, is told from others, with the remedy", async (context) => {
    requiresMachine(context);
    // What Ubuntu's kernel puts on a program without a profile once it makes a user namespace:
    // a namespace without capabilities.
    const profile = "profile unprivileged_userns { audit deny capability, allow all, }";
    const rules = [
      "file,",
      "network,",
      "unix,",
      "signal,",
      "ptrace,",
      "mount,",
      "umount,",
      "pivot_root,",
      "dbus,",
      "change_profile,",
    ].join(" ");
    const text = profile.replace("allow all,", rules);
    const step = await machine.run(
      "step run aa-exec -p unprivileged_userns -- $T run --rm --network none busybox true",
      { rootPre: `printf '%s\\n' '${text}' | apparmor_parser -r` },
    );
    expect(step("run").status).toBe(125);
    expect(step("run").stderr).toMatch(/apparmor/i);
  });
});

describe("a host with AppArmor", () => {
  it("has its profiles put around a container, and around what is executed in it", async (context) => {
    requiresMachine(context);
    const text =
      "profile tsman-own flags=(attach_disconnected) { file, network, capability, signal, deny /denied rw, }";
    const look = "'cat /proc/self/attr/current; echo x >/denied'";
    const step = await machine.run(
      `
      run="$T run --network none --security-opt apparmor"
      step run $run=tsman-own --rm busybox sh -c ${look}
      step init $run=tsman-own --init --security-opt no-new-privileges --rm busybox sh -c ${look}
      step start $run=tsman-own -d --name web busybox sleep 1000
      step exec $T exec web sh -c ${look}
      step delete $T rm -f -t 0 web
      step without $run=unconfined --rm busybox cat /proc/self/attr/current
      step missing $run=tsman-nowhere --rm busybox true
      step left $T ps -aq
    `,
      { rootPre: `printf '%s\\n' '${text}' | apparmor_parser -r` },
    );
    for (const name of ["run", "init", "exec"]) {
      expect(step(name).stdout.trim()).toBe("tsman-own (enforce)");
      expect(step(name).stderr).toContain("/denied: Permission denied");
    }
    expect(step("without").stdout.trim()).toBe("unconfined");
    expect(step("missing").status).toBe(125);
    expect(step("missing").stderr).toContain("the kernel has no such profile");
    expect(step("missing").stderr).toContain("apparmor_parser -r");
    expect(step("left").stdout.trim()).toBe("");
  });
});
