import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PlanRecord, settingRecord, stepRecord } from "../../src/runtime/launch-plan.ts";
import { startMonitor } from "../../src/runtime/monitor-client.ts";
import { step } from "../../src/runtime/protocol.ts";
import {
  type DirectLaunch,
  directPlan,
  launchDirectly,
  makeRootfs,
} from "../hostile/direct-launch.ts";
import { statusOf } from "../support/proc.ts";

// What the native program can do besides what `tsman run` asks it for: plans that are made by hand,
// seen at work by the program that they start.
let scratch: string;
let rootfs: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "tsman-steps-"));
  rootfs = makeRootfs(join(scratch, "root"));
});

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

const setting = (name: Parameters<typeof settingRecord>[0], ...args: readonly string[]) =>
  settingRecord(name, args, "test");
const toDo = (name: Parameters<typeof stepRecord>[0], ...args: readonly string[]) =>
  stepRecord(name, args, "test");

type Part = Omit<DirectLaunch, "rootfs" | "command" | "stdio">;

/** What a shell command in the container prints. */
async function output(script: string, part: Part = {}): Promise<string> {
  const handle = await launchDirectly({
    rootfs,
    command: ["/bin/sh", "-c", script],
    stdio: { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    ...part,
  });
  const { stdout } = handle.streams;
  if (stdout === undefined) throw new Error("no pipe");
  const [printed] = await Promise.all([text(stdout), handle.exited]);
  return printed;
}

/** Why the container does not start. */
async function refusal(part: Part): Promise<string> {
  const handle = await launchDirectly({ rootfs, command: ["/bin/true"], ...part });
  return await handle.started.then(
    () => "it has started",
    (error: unknown) => String(error),
  );
}

const inside = (...namespaces: readonly string[]) => ["user", "mount", "pid", ...namespaces];

describe("a time namespace", () => {
  it("has the offsets of the plan, and the host's clocks stay as they are", async () => {
    const before = readFileSync("/proc/uptime", "utf8");
    const printed = await output("busybox readlink /proc/self/ns/time; cat /proc/uptime", {
      namespaces: inside("time"),
      settings: [
        setting("TIME_OFFSET", "boottime", "100000000", "0"),
        setting("TIME_OFFSET", "monotonic", "-1", "500000000"),
      ],
    });
    const [namespace, uptime] = printed.split("\n");
    expect(namespace).not.toBe(readlinkSync("/proc/self/ns/time"));
    expect(Number.parseFloat(uptime ?? "")).toBeGreaterThan(100_000_000);
    expect(Number.parseFloat(before)).toBeLessThan(100_000_000);
    expect(Number.parseFloat(readFileSync("/proc/uptime", "utf8"))).toBeLessThan(100_000_000);
  });

  it("is not made with a clock before its beginning, nor with offsets of none", async () => {
    const settings = [setting("TIME_OFFSET", "monotonic", "-9000000000", "0")];
    const why = await refusal({ namespaces: inside("time"), settings });
    expect(why).toContain("set time offset monotonic -9000000000.0");
    expect(why).toContain("the clock would be negative");
    expect(await refusal({ settings })).toContain("no time namespace is made");
  });
});

const types = ["user", "mount", "pid", "uts", "ipc", "network", "cgroup", "time"] as const;
const fileOf = (type: (typeof types)[number]): string =>
  ({ mount: "mnt", network: "net" })[type as string] ?? type;

describe("namespaces of another container", () => {
  const look = types.map((type) => `busybox readlink /proc/self/ns/${fileOf(type)}`).join("\n");

  async function withOther(use: (pid: number) => Promise<void>): Promise<void> {
    const other = await launchDirectly({
      rootfs,
      command: ["/bin/sleep", "1000"],
      namespaces: [...types],
    });
    try {
      await other.started;
      await use((await other.created).pid);
    } finally {
      other.stop(9, 0);
      await other.exited;
    }
  }
  const joinOf = (pid: number, ...joined: readonly (typeof types)[number][]) =>
    joined.map((type) => setting("JOIN", type, `/proc/${pid}/ns/${fileOf(type)}`));

  it.each([
    ["user", "uts"],
    ["user", "network", "ipc"],
    ["user", "time", "uts", "ipc", "network", "cgroup"],
    ["user", "pid"],
    ["user", "pid", "network", "time"],
  ] as const)("are joined by path: %s %s %s %s %s %s", async (...joined) => {
    await withOther(async (pid) => {
      const made = types.filter((type) => !(joined as readonly string[]).includes(type));
      const printed = await output(look, {
        namespaces: made,
        settings: joinOf(pid, ...joined),
      });
      const found = printed.trim().split("\n");
      for (const [index, type] of types.entries()) {
        const theirs = readlinkSync(`/proc/${pid}/ns/${fileOf(type)}`);
        if (made.includes(type)) expect(found[index], type).not.toBe(theirs);
        else expect(found[index], type).toBe(theirs);
        expect(found[index], type).not.toBe(readlinkSync(`/proc/self/ns/${fileOf(type)}`));
      }
    });
  });

  it("are joined all at once, with the root that they have", async () => {
    await withOther(async (pid) => {
      const printed = await output(look, { namespaces: [], settings: joinOf(pid, ...types) });
      const theirs = types.map((type) => readlinkSync(`/proc/${pid}/ns/${fileOf(type)}`));
      expect(printed.trim().split("\n")).toEqual(theirs);
    });
  });

  it("are not joined by a path that leads elsewhere", async () => {
    const fifo = join(scratch, "fifo");
    execFileSync("mkfifo", [fifo]);
    const join_ = (type: string, path: string) =>
      refusal({ namespaces: inside("uts"), settings: [setting("JOIN", type, path)] });
    expect(await join_("network", fifo)).toContain(
      `join ${fifo} (test): invalid argument (it is no`,
    );
    expect(await join_("network", "/etc/passwd")).toContain("it is no namespace");
    expect(await join_("network", "/proc/self/ns/ipc")).toContain("it is no network namespace");
    expect(await join_("network", "/proc/self/ns/net")).toContain("a user namespace that gives no");
    expect(await join_("uts", "/proc/self/ns/uts")).toContain("parse plan");
  });

  it("are not changed where they are joined as a whole", async () => {
    await withOther(async (pid) => {
      const settings = joinOf(pid, "user", "mount");
      const why = await refusal({ namespaces: ["pid"], settings, process: [toDo("LOOPBACK")] });
      expect(why).toContain("out of order");
    });
  });
});

describe("the process", () => {
  const stat = (field: number) => `set -- $(cat /proc/self/stat); echo $${`{${field}}`}`;

  it.each([
    ["3", "5"],
    ["0", "7"],
    ["5", "0"],
  ])("is scheduled by policy %s with nice %s", async (policy, nice) => {
    const scheduler = toDo("SCHEDULER", policy, "0", nice, "0", "0", "0", "0");
    const printed = await output(`${stat(41)}; ${stat(19)}`, { process: [scheduler] });
    expect(printed).toBe(`${policy}\n${nice}\n`);
  });

  it("is not run under a policy that it cannot have", async () => {
    const scheduler = (...args: readonly string[]) =>
      refusal({ process: [toDo("SCHEDULER", ...args)] });
    const realtime = await scheduler("1", "0", "0", "50", "0", "0", "0");
    expect(realtime).toContain("set scheduler 1");
    expect(realtime).toContain("RLIMIT_RTPRIO");
    expect(await scheduler("0", "0", "20", "0", "0", "0", "0")).toContain("nice 20");
    expect(await scheduler("77", "0", "0", "0", "0", "0", "0")).toContain("invalid argument");
  });

  it("has its priority of input and output", async () => {
    const part = { process: [toDo("IO_PRIORITY", "2", "6")] };
    expect(await output("busybox ionice -p $$", part)).toContain("best-effort: prio 6");
    expect(
      await output("busybox ionice -p $$", { process: [toDo("IO_PRIORITY", "3", "0")] }),
    ).toContain("idle");
    expect(await refusal({ process: [toDo("IO_PRIORITY", "4", "0")] })).toContain("class 4");
  });

  it("has its personality", async () => {
    const part = { process: [toDo("PERSONALITY", "8")] };
    expect(await output("cat /proc/self/personality", part)).toBe("00000008\n");
  });

  it("fails for a limit that cannot be had where the plan is strict", async () => {
    const limit = (...settings: readonly PlanRecord[]) => ({
      process: [toDo("RLIMIT", "7", "1024", "1073741816")],
      settings,
    });
    const handle = await launchDirectly({ rootfs, command: ["/bin/true"], ...limit() });
    await handle.exited;
    expect(handle.warnings.join()).toContain("limit nofile");
    expect(await refusal(limit(setting("STRICT")))).toContain("set limit nofile");
  });

  it("is not run without the label that it was to have", async () => {
    const why = await refusal({ process: [toDo("LABEL", "apparmor", "tsman-no-such-profile")] });
    expect(why).toContain("set label apparmor tsman-no-such-profile");
    expect(await refusal({ process: [toDo("LABEL", "other", "x")] })).toContain("set label other");
  });
});

/** The options of the mounts at and below a path, by mount point. */
const optionsOf = (mountinfo: string, place: string): Map<string, string> =>
  new Map(
    mountinfo
      .split("\n")
      .map((line) => line.split(" "))
      .filter(([, , , , point]) => point === place || point?.startsWith(`${place}/`))
      .map(([, , , , point = "", options = "", propagation = ""]) => [
        point,
        `${options} ${propagation}`,
      ]),
  );

describe("a mount", () => {
  /** /dev of the host: with mounts below it wherever there is a /dev/pts. */
  const bindDev = async (flags: string, extra = "") => {
    const mountinfo = await output("cat /proc/self/mountinfo", {
      steps: (slots) => [toDo("BIND", slots.open("/dev", "dir", "test"), "/tmp", flags, "", extra)],
    });
    return optionsOf(mountinfo, "/tmp");
  };

  it("is changed with all below it, or alone, as its options say", async () => {
    const has = (options: Map<string, string>, word: string) =>
      [...options].map(([point, list]) => (list.split(/[ ,]/).includes(word) ? point : ""));
    const plain = await bindDev("rbind");
    const points = [...plain.keys()];
    expect(points).toContain("/tmp/pts");
    expect(has(plain, "ro").join("")).toBe("");
    expect(has(await bindDev("rbind,ro"), "ro")).toEqual(points);
    expect(has(await bindDev("rbind,rro"), "ro")).toEqual(points);
    expect(has(await bindDev("rbind,rro", "top"), "ro")).toEqual(points);
    expect(has(await bindDev("rbind,rnosymfollow"), "nosymfollow")).toEqual(points);
    const top = has(await bindDev("rbind,ro", "top"), "ro").filter((point) => point !== "");
    expect(top).toEqual(["/tmp"]);
  });

  it("loses no flag of the host's", async () => {
    const mounts = optionsOf(readFileSync("/proc/self/mountinfo", "utf8"), "");
    const [source = ""] = [...mounts].find(([, options]) => options.includes("nosuid")) ?? [];
    const bind = (flags: string, place = source) =>
      refusal({
        steps: (slots) => [toDo("BIND", slots.open(place, "dir", "test"), "/tmp", flags, "", "")],
      });
    expect(await bind("suid")).toContain("a mount of the host keeps");
    expect(await bind("rsuid")).toContain("a mount of the host keeps");
    // Access times are locked as well, whatever they are: what cannot be had is left out, or not.
    const times = async (...settings: readonly PlanRecord[]) => {
      const bindWith = (word: string) =>
        refusal({
          settings,
          steps: (slots) => [
            toDo("BIND", slots.open(scratch, "dir", "test"), "/tmp", word, "", ""),
          ],
        });
      // One of them it may have already.
      return `${await bindWith("noatime")}, ${await bindWith("strictatime")}`;
    };
    expect(await times()).toBe("it has started, it has started");
    expect(await times(setting("STRICT"))).toContain("a mount of the host keeps");
    // What is not there is not taken away.
    expect(await bind("rw,symfollow,rrw", scratch)).toBe("it has started");
    expect(await bind("rnonsense")).toContain("rnonsense");
  });

  it("of a new file system propagates as it is told", async () => {
    const shared = await output("cat /proc/self/mountinfo", {
      steps: () => [toDo("MOUNT", "tmpfs", "tmpfs", "/tmp", "nodev,shared,noatime", "", "")],
    });
    expect(optionsOf(shared, "/tmp").get("/tmp")).toMatch(/nodev.*noatime.* shared:\d+$/);
  });

  it("of the root propagates as it is told", async () => {
    const printed = await output("cat /proc/self/mountinfo", {
      process: [toDo("ROOT_PROPAGATION", "rshared")],
    });
    expect(optionsOf(printed, "/proc").get("/proc")).toMatch(/ shared:\d+$/);
  });

  it("with mapped ids takes rights over the file system", async () => {
    const maps = ["2", "0", "100000", "1", "1", "100001", "9", "0", "100000", "10"];
    const why = await refusal({
      settings: [setting("OPEN_IDMAPPED", "100", scratch, "", ...maps)],
      steps: () => [toDo("BIND", "@100", "/tmp", "", "", "")],
    });
    expect(why).toContain(`map ids of mount ${scratch}`);
    expect(why).toContain("CAP_SYS_ADMIN in the user namespace in which");
  });

  it("with mapped ids is not made with half a map", async () => {
    for (const count of ["0", "1", "4294967295"]) {
      const why = await refusal({
        settings: [setting("OPEN_IDMAPPED", "100", scratch, "", count, "0", "1", "1")],
      });
      expect(why).toContain("open idmapped");
    }
  });
});

describe("a node", () => {
  it("is made where it may be", async () => {
    const fifo = toDo("MKNOD", "/tmp/new/fifo", "p", "0", "0", "0640", "0", "0");
    const printed = await output("busybox stat -c '%F %a' /tmp/new/fifo", {
      steps: () => [fifo, fifo],
    });
    expect(printed).toBe("fifo 640\n");
    const device = toDo("MKNOD", "/tmp/null", "c", "1", "3", "0666", "0", "0");
    expect(await refusal({ steps: () => [device] })).toContain("no devices are made");
    const over = toDo("MKNOD", "/bin/cat", "p", "0", "0", "0666", "0", "0");
    expect(await refusal({ steps: () => [over] })).toContain("file already exists");
  });
});

describe("a hook", () => {
  const state = '{"pid":{pid},"annotations":{"x":"{pid}"}}';
  const hook = (kind: string, milliseconds: string, ...script: readonly string[]) =>
    toDo("HOOK", kind, "/bin/sh", milliseconds, state, "3", "sh", "-c", script.join("\n"), "A=b c");

  it("of the container runs in its namespaces with the host's files, before the program", async () => {
    const file = join(scratch, "seen");
    const printed = await output("busybox readlink /proc/self/ns/uts; cat /made", {
      namespaces: inside("uts"),
      steps: () => [
        hook(
          "container",
          "20000",
          // No file but standard streams, nothing of our environment.
          `{ cat; echo; readlink /proc/self/ns/uts; id -u; echo "$A"; tr '\\0' '\\n' </proc/self/environ;`,
          `ls /proc/self/fd | wc -l; } >${file}; echo made >made; ls bin/busybox >/dev/null`,
        ),
      ],
    });
    const [uts, made] = printed.split("\n");
    expect(made).toBe("made");
    const seen = readFileSync(file, "utf8").split("\n");
    expect(JSON.parse(seen[0] ?? "")).toEqual({ pid: 1, annotations: { x: "{pid}" } });
    expect(seen[1]).toBe(uts);
    expect(seen[1]).not.toBe(readlinkSync("/proc/self/ns/uts"));
    expect(seen.slice(2)).toEqual(["0", "b c", "A=b c", "4", ""]);
  });

  it("of the start runs in the container with the program's rights, right before it", async () => {
    const printed = await output("cat /tmp/state /tmp/status", {
      process: [
        toDo("CAPS", "0", "0", "0", "0", "0"),
        toDo("NO_NEW_PRIVS"),
        hook(
          "start",
          "0",
          "cat >/tmp/state; busybox grep -E 'CapEff|NoNew' /proc/self/status >/tmp/status",
        ),
      ],
    });
    expect(printed).toContain('{"pid":1,');
    expect(printed).toMatch(/CapEff:\t0+\nNoNewPrivs:\t1/);
  });

  it("that fails, hangs or is not there ends the container", async () => {
    const of = (record: PlanRecord) =>
      refusal(record.args[0] === "start" ? { process: [record] } : { steps: () => [record] });
    for (const kind of ["container", "start"]) {
      const failed = await of(hook(kind, "0", "echo no luck >&2; exit 3"));
      expect(failed).toContain("run hook /bin/sh");
      expect(failed).toContain("exit status 3");
      expect(failed).toContain("no luck");
      expect(await of(hook(kind, "0", "kill -9 $$"))).toContain("signal 9");
      // Its own children too: nothing that holds its output is waited for.
      const hung = await of(hook(kind, "300", "sleep 1000 & sleep 1000"));
      expect(hung).toContain("timed out after 300 ms");
      const missing = toDo("HOOK", kind, "/no/such/hook", "0", state, "0");
      expect(await of(missing)).toMatch(/run hook \/no\/such\/hook .*: no such file/);
    }
  });

  it("gets a state of any length, and need not read it", async () => {
    const long = `{"pid":{pid},"x":"${"x".repeat(300_000)}"}`;
    const printed = await output("cat /tmp/length", {
      process: [
        toDo(
          "HOOK",
          "start",
          "/bin/sh",
          "20000",
          long,
          "3",
          "sh",
          "-c",
          "busybox wc -c >/tmp/length",
        ),
        toDo("HOOK", "start", "/bin/true", "20000", long, "0"),
      ],
    });
    expect(Number(printed)).toBe(long.length - "{pid}".length + 1);
  });

  it("stands where it belongs, with operands that fit", async () => {
    const wrong: Part[] = [
      { process: [hook("container", "0", "true")] },
      { steps: () => [hook("start", "0", "true")] },
      { process: [hook("other", "0", "true")] },
      { process: [toDo("HOOK", "start", "relative", "0", "", "0")] },
      { process: [toDo("HOOK", "start", "/bin/true", "0", "", "2", "true")] },
      { process: [toDo("HOOK", "start", "/bin/true", "0", "", "4294967295", "true")] },
    ];
    for (const part of wrong) expect(await refusal(part)).toContain("parse plan");
  });
});

describe("descriptors and mounts in numbers", () => {
  it("none of ten thousand that the caller has open is the program's", async () => {
    const descriptor = openSync("/etc/passwd", "r");
    try {
      const launch = {
        rootfs,
        command: ["/bin/sh", "-c", "echo /proc/self/fd/*"],
      };
      const handle = await startMonitor({
        plan: { records: directPlan(launch) },
        stdio: { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
        preserve: Array.from({ length: 10_000 }, () => descriptor),
      });
      const { stdout } = handle.streams;
      if (stdout === undefined) throw new Error("no pipe");
      const [printed] = await Promise.all([text(stdout), handle.exited]);
      // The shell's own of the directory that it lists is among them.
      expect(printed.replaceAll("/proc/self/fd/", "")).toMatch(/^0 1 2( \d+)?\n$/);
    } finally {
      closeSync(descriptor);
    }
  });

  it("a thousand mounts are made", async () => {
    const printed = await output("busybox grep -c ' /tmp/d' /proc/self/mountinfo", {
      steps: (slots) => {
        mkdirSync(join(scratch, "many"), { recursive: true });
        return Array.from({ length: 1000 }, (_, index) => {
          const source = join(scratch, "many", String(index));
          writeFileSync(source, "");
          return toDo("BIND", slots.open(source, "file", "test"), `/tmp/d${index}/f`, "ro", "", "");
        });
      },
    });
    expect(printed).toBe("1000\n");
  }, 120_000);
});

it("why a start fails is known to a caller that says START when it has failed", async () => {
  const handle = await launchDirectly({
    ...{ rootfs, command: ["/bin/true"] },
    settings: [setting("HOLD")],
  });
  const { pid } = await handle.created;
  await handle.ready;
  process.kill(pid, "SIGKILL");
  // Nothing is read meanwhile: the monitor has said why, and would be gone.
  const end = performance.now() + 300;
  while (performance.now() < end && statusOf(handle.pid).State?.startsWith("Z") !== true);
  handle.start();
  await expect(handle.started).rejects.toThrow(/init/);
});

it("every step that the protocol names is refused with operands that it does not take", async () => {
  for (const name of Object.keys(step) as (keyof typeof step)[]) {
    const wrong = stepRecord(
      name,
      Array.from({ length: 15 }, () => "\u0001"),
      "test",
    );
    // These take any words, any number of them.
    if (["ENV", "EXEC", "SYMLINK"].includes(name)) continue;
    expect(await refusal({ process: [wrong] }), name).toContain("parse plan");
  }
});
