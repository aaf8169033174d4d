import { describe, expect, it } from "vitest";
import type { Bundle } from "../../../src/bundle/bundle.ts";
import { compileBundle } from "../../../src/bundle/compile-bundle.ts";
import type { ContainerOptions } from "../../../src/container/options.ts";
import { compilePlan } from "../../../src/runtime/compile-plan.ts";
import { encodeLaunch } from "../../../src/runtime/encode.ts";
import type { LaunchContext } from "../../../src/runtime/launch-context.ts";
import { type LaunchPlan, type PlanRecord, planSteps } from "../../../src/runtime/launch-plan.ts";
import { operationName, setting, step } from "../../../src/runtime/protocol.ts";
import { host, requestOf, singleMapping } from "../bundle/bundle-request.ts";

const filter = new Uint8Array(16);

const contextOf = (overrides: Partial<LaunchContext> = {}): LaunchContext => ({
  id: "c0ffee",
  rootfs: {
    driver: "overlay",
    lowers: ["/layers/top", "/layers/bottom"],
    upper: "/c/upper",
    work: "/c/work",
    isVolatile: false,
  },
  runDir: "/run/c",
  exitFile: "/c/exit",
  foreground: true,
  forwardStdin: false,
  hold: true,
  stopSignal: 15,
  stopTimeoutMs: 10_000,
  seccompFilter: filter,
  ...overrides,
});

const planOf = (
  options: Partial<ContainerOptions> = {},
  context: Partial<LaunchContext> = {},
  request: Parameters<typeof requestOf>[1] = {},
): LaunchPlan => {
  const bundle: Bundle = compileBundle(requestOf({ command: ["true"], ...options }, request));
  return compilePlan(bundle, contextOf(context));
};

const records = (plan: LaunchPlan, op: number): PlanRecord[] =>
  plan.records.filter((record) => record.op === op);
const args = (plan: LaunchPlan, op: number) => records(plan, op).map((record) => record.args);
const one = (plan: LaunchPlan, op: number) => {
  const found = args(plan, op);
  expect(found).toHaveLength(1);
  return found[0];
};
const names = (plan: LaunchPlan) => planSteps(plan).map((record) => operationName(record.op));
/** The path behind a slot operand. */
const behind = (plan: LaunchPlan, operand: unknown) =>
  args(plan, setting.OPEN).find(([number]) => `@${String(number)}` === operand)?.[1];

describe("compilePlan", () => {
  it("makes a mount read-only after what is mounted below it, and the others at once", () => {
    const mount = (destination: string, ...options: string[]) => ({
      ...{ destination, type: "tmpfs", source: "tmpfs", options },
    });
    const bundle = compileBundle(requestOf({ command: ["true"] }));
    const change = [mount("/a", "ro"), mount("/a/b"), mount("/a", "ro"), mount("/c", "ro")];
    const mounts = [...bundle.config.mounts, ...change];
    const plan = compilePlan({ ...bundle, config: { ...bundle.config, mounts } }, contextOf());
    const steps = planSteps(plan).filter(({ args: [first, , third] }) =>
      [first, third].some((place) => /^.[abc]/.test(String(place))),
    );
    expect(steps.map(({ op, args }) => [operationName(op), ...args.slice(-4)])).toEqual([
      ["MOUNT", "/a", "ro", "", "writable"],
      ["MOUNT", "/a/b", "", "", ""],
      ["CHANGE_MOUNT", "/a", "ro", ""],
      ["MOUNT", "/a", "ro", "", ""],
      ["MOUNT", "/c", "ro", "", ""],
    ]);
  });

  it("adds no step for the mounts that each container has", () => {
    expect(names(planOf())).not.toContain("CHANGE_MOUNT");
  });

  it("lets a container go with its caller only where that is asked for", () => {
    expect(args(planOf(), setting.EPHEMERAL)).toEqual([]);
    const ephemeral = { removedMark: "/store/gone/c0ffee" };
    expect(one(planOf({}, { ephemeral }), setting.EPHEMERAL)).toEqual(["/store/gone/c0ffee"]);
  });

  it("names prepared namespaces to a session whose container has a user namespace of its own", () => {
    const session = { words: "id", removedMark: "", prepared: { descriptor: 21, pid: 4711 } };
    expect(one(planOf({}, { session }), setting.PREPARED)).toEqual(["21", "4711"]);
    expect(
      args(planOf({}, { session: { words: "id", removedMark: "" } }), setting.PREPARED),
    ).toEqual([]);
  });

  it("orders the phases as native/protocol.h does", () => {
    const hostUsers = [{ name: "me", uid: 7, gid: 7, fullName: "", home: "/" }];
    const asked = { tty: true, readOnly: true, hostname: "web" };
    const order = names(planOf(asked, {}, { hostUsers }));
    const position = (name: string) => order.indexOf(name);
    const expected = [
      "PROPAGATION",
      "ROOT_OVERLAY",
      "ENTER_ROOT",
      "MOUNT",
      "SYMLINK",
      "DEVICE",
      "CONSOLE",
      "BIND",
      "SYSCTL",
      "HOSTNAME",
      "LOOPBACK",
      "READONLY",
      "MASK",
      "PIVOT",
      "HOST_USER",
      "USER",
      // What is added to its files is added before.
      "ROOT_READONLY",
      "RLIMIT",
      "UMASK",
      "KEYRING",
      "CHDIR",
      "CAPS",
      "SECCOMP",
      "ENV",
      "EXEC",
    ];
    expect(expected.map(position)).toEqual(expected.map(position).toSorted((a, b) => a - b));
    expect(expected.every((name) => position(name) >= 0)).toBe(true);
    expect(order.at(-1)).toBe("EXEC");
  });

  it("can be encoded, and gives every record a reason", () => {
    const plan = planOf({ privileged: true, tty: true, interactive: true });
    expect(encodeLaunch(plan).byteLength).toBeGreaterThan(1000);
    expect(plan.records.every((record) => record.because !== "")).toBe(true);
  });

  it("opens equal paths once, and numbers slots from 0", () => {
    const opens = args(planOf({}), setting.OPEN);
    expect(opens.map(([number]) => number)).toEqual(opens.map((_, index) => String(index)));
    expect(new Set(opens.map(([, path]) => path)).size).toBe(opens.length);
  });

  it("maps ids with the tools, or denies setgroups without them", () => {
    const plan = planOf();
    expect(args(plan, setting.UID_MAP)).toEqual([
      ["0", "1000", "1"],
      ["1", "100000", "65536"],
    ]);
    expect(one(plan, setting.MAP_TOOLS)).toEqual(["/usr/bin/newuidmap", "/usr/bin/newgidmap"]);
    expect(records(plan, setting.SETGROUPS_DENY)).toEqual([]);
    const single = planOf({}, {}, { mapping: singleMapping });
    expect(records(single, setting.MAP_TOOLS)).toEqual([]);
    expect(records(single, setting.SETGROUPS_DENY)).toHaveLength(1);
  });

  it("unshares what is new and joins what is another container's, without a map of its own", () => {
    expect(one(planOf(), setting.UNSHARE)).toEqual([
      "user",
      "mount",
      "pid",
      "ipc",
      "uts",
      "network",
      "cgroup",
    ]);
    const joined = planOf(
      { network: { mode: "container", container: "db" } },
      {},
      { join: { container: "db", pid: 7, startTime: 9n } },
    );
    expect(args(joined, setting.JOIN)).toEqual([
      ["user", "/proc/7/ns/user"],
      ["network", "/proc/7/ns/net"],
    ]);
    expect(one(joined, setting.UNSHARE)).not.toContain("user");
    expect(records(joined, setting.UID_MAP)).toEqual([]);
    expect(records(joined, step.LOOPBACK)).toEqual([]);
    expect(one(joined, setting.JOIN_OWNER)).toEqual(["7", "9"]);
    expect(records(planOf(), setting.JOIN_OWNER)).toEqual([]);
    expect(records(joined, setting.OPEN_MOUNT)).toEqual([]);
  });

  it("takes the shared memory with the ipc namespace", () => {
    const plan = planOf(
      { ipc: { mode: "container", container: "db" } },
      {},
      { join: { container: "db", pid: 7, startTime: 9n } },
    );
    const [slot, ...mount] = one(plan, setting.OPEN_MOUNT) ?? [];
    expect(mount).toEqual(["/dev/shm", "tmpfs"]);
    expect(args(plan, step.BIND)).toContainEqual([
      `@${slot}`,
      "/dev/shm",
      "nosuid,noexec,nodev",
      "private",
      "nosymlink",
    ]);
    const numbers = [...args(plan, setting.OPEN), ...args(plan, setting.OPEN_MOUNT)].map(
      ([n]) => n,
    );
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it("stacks the layers topmost first", () => {
    const plan = planOf();
    const [upper, work, extra, ...lowers] = one(plan, step.ROOT_OVERLAY) ?? [];
    expect([upper, work].map((slot) => behind(plan, slot))).toEqual(["/c/upper", "/c/work"]);
    expect(extra).toBe("userxattr");
    expect(lowers.map((slot) => behind(plan, slot))).toEqual(["/layers/top", "/layers/bottom"]);
  });

  it("does not sync the upper directory of a container that is removed at its end", () => {
    const rootfs = {
      driver: "overlay",
      lowers: ["/l"],
      upper: "/u",
      work: "/w",
      isVolatile: true,
    } as const;
    expect(one(planOf({}, { rootfs }), step.ROOT_OVERLAY)?.[2]).toBe("userxattr,volatile");
  });

  it("has fuse-overlayfs mount below the container's directory and opens that late", () => {
    const plan = planOf(
      {},
      {
        rootfs: {
          driver: "fuse-overlayfs",
          program: "/usr/bin/fuse-overlayfs",
          lowers: ["/l,1", "/l:2"],
          upper: "/u",
          work: "/w",
          dir: "/c",
        },
      },
    );
    // Slots keep commas and colons of paths out of the option.
    expect(one(plan, setting.STAGE_COMMAND)).toEqual([
      "/usr/bin/fuse-overlayfs",
      "-o",
      "lowerdir=@{0}:@{1},upperdir=@{2},workdir=@{3}",
      "@{4}/merged",
    ]);
    expect(behind(plan, one(plan, step.ROOT_BIND)?.[0])).toBe("@4/merged");
    expect(behind(plan, "@4")).toBe("/c");
  });

  it("binds a copied root or --rootfs", () => {
    const plan = planOf({}, { rootfs: { driver: "copy", path: "/tree" } });
    expect(behind(plan, one(plan, step.ROOT_BIND)?.[0])).toBe("/tree");
  });

  it("turns mount options into flags, data and extras", () => {
    const plan = planOf();
    const mounts = args(plan, step.MOUNT);
    expect(mounts).toContainEqual([
      "devpts",
      "devpts",
      "/dev/pts",
      "nosuid,noexec",
      "newinstance,ptmxmode=0666,mode=0620,gid=5",
      "nosymlink",
    ]);
    expect(mounts).toContainEqual([
      "tmpfs",
      "tmpfs",
      "/dev",
      "nosuid,noexec,strictatime",
      "mode=755,size=65536k",
      "nosymlink",
    ]);
    const mqueue = mounts.find(([type]) => type === "mqueue");
    expect(mqueue?.[5]).toBe("optional,nosymlink");
  });

  it("opens the sources of binds, and says how they are bound", () => {
    const mounts: ContainerOptions["mounts"] = [
      {
        type: "bind",
        source: "/src",
        target: "/dst",
        readOnly: true,
        recursive: true,
        flags: [],
        propagation: "rslave",
        chown: true,
      },
    ];
    const plan = planOf({ mounts });
    const bind = args(plan, step.BIND).find(([, target]) => target === "/dst");
    expect(bind?.slice(1)).toEqual(["/dst", "rbind,ro,nosuid,nodev", "rslave", ""]);
    expect(behind(plan, bind?.[0])).toBe("/src");
    expect(one(plan, step.PROPAGATION)).toEqual(["rslave"]);
    // The uid is known after USER only.
    expect(one(plan, step.CHOWN_TREE)).toEqual([bind?.[0]]);
    expect(names(plan).indexOf("CHOWN_TREE")).toBeGreaterThan(names(plan).indexOf("USER"));
  });

  it("fills a volume from the image before anything is mounted", () => {
    const mounts: ContainerOptions["mounts"] = [
      { type: "volume", name: "v", target: "/data", readOnly: false, flags: [], copyUp: true },
    ];
    const plan = planOf({ mounts }, {}, { volumes: { "/data": "/volumes/v" } });
    const order = planSteps(plan);
    const copy = order.findIndex((record) => record.op === step.COPY_UP);
    expect(order[copy]?.args[0]).toBe("/data");
    expect(behind(plan, order[copy]?.args[1])).toBe("/volumes/v");
    const firstMount = order.findIndex(({ op }) => op === step.MOUNT || op === step.BIND);
    expect(copy).toBeLessThan(firstMount);
    const bind = order.find(({ op, args: [, target] }) => op === step.BIND && target === "/data");
    expect(behind(plan, bind?.args[0])).toBe("/volumes/v");
  });

  it("masks with the host's /dev/null, which init checks to be one (S6)", () => {
    const plan = planOf();
    const masks = args(plan, step.MASK);
    expect(masks.map(([, path]) => path)).toContain("/proc/kcore");
    expect(masks.every(([slot]) => behind(plan, slot) === "/dev/null")).toBe(true);
    expect(records(planOf({ privileged: true }), step.MASK)).toEqual([]);
  });

  it("writes settings below /proc/sys before that becomes read-only", () => {
    const plan = planOf({ sysctls: { "net.ipv4.ip_forward": "1" } });
    expect(args(plan, step.SYSCTL)).toContainEqual(["net/ipv4/ip_forward", "1"]);
    expect(names(plan).lastIndexOf("SYSCTL")).toBeLessThan(names(plan).indexOf("READONLY"));
  });

  it("describes the process", () => {
    const plan = planOf({
      command: ["sh", "-c", ""],
      user: "5:6",
      groupAdd: ["audio", "7"],
      workdir: "/w",
      umask: 0o077,
      oomScoreAdj: 5,
      ulimits: [{ name: "core", soft: 0, hard: -1 }],
      security: {
        noNewPrivileges: true,
        seccomp: "default",
        mask: [],
        unmask: [],
        labels: [],
      },
    });
    expect(one(plan, step.EXEC)).toEqual(["sh", "-c", ""]);
    expect(one(plan, step.USER)).toEqual(["5:6", "audio,7", "entry", "", ""]);
    expect(one(plan, step.CHDIR)).toEqual(["/w", "0"]);
    expect(one(plan, step.UMASK)).toEqual(["077"]);
    expect(one(plan, step.OOM_SCORE)).toEqual(["5"]);
    expect(one(plan, step.CAPS)).toEqual(["800405fb", "0", "0", "0", "0"]);
    expect(one(plan, step.SECCOMP)).toEqual([filter, "0"]);
    expect(args(plan, step.RLIMIT)).toContainEqual(["4", "0", "infinity"]);
    expect(records(plan, step.NO_NEW_PRIVS)).toHaveLength(1);
    expect(one(planOf({ groupAdd: ["keep-groups"] }), step.USER)).toEqual([
      "",
      "",
      "entry,keepgroups",
      "",
      "",
    ]);
  });

  it("makes no keyring where an outer container's filter would refuse it", () => {
    expect(records(planOf(), step.KEYRING)).toHaveLength(1);
    const nested = planOf({}, {}, { host: { ...host, isFiltered: true } });
    expect(records(nested, step.KEYRING)).toEqual([]);
  });

  it("refuses to start without the filter that the bundle asks for", () => {
    expect(() => planOf({}, { seccompFilter: undefined })).toThrow("was not compiled");
  });

  it("tells the monitor how to log", () => {
    const file = { kind: "file", path: "/c/log", maxBytes: 0, maxFiles: 1 } as const;
    const json = planOf({}, { log: { ...file, format: "json-file", tag: "t" } });
    expect(one(json, setting.LOG)).toEqual(["/c/log", "0", "1"]);
    expect(one(json, setting.LOG_FORMAT)).toEqual(["json-file", "t"]);
    const journal = planOf({}, { log: { kind: "journal", socket: "/s", fields: ["A=1"] } });
    expect(one(journal, setting.LOG_JOURNAL)).toEqual(["/s", "A=1"]);
    const passed = planOf({}, { log: { kind: "passthrough" } });
    expect(records(passed, setting.PASSTHROUGH)).toHaveLength(1);
    for (const op of [setting.LOG, setting.LOG_FORMAT, setting.LOG_JOURNAL]) {
      expect(records(passed, op)).toEqual([]);
    }
  });

  it("tells the monitor about streams, log, network and the end", () => {
    const plan = planOf(
      { tty: true, init: true },
      {
        terminal: { rows: 10, columns: 20 },
        forwardStdin: true,
        detachKeys: Uint8Array.of(16, 17),
        log: {
          kind: "file",
          path: "/c/log",
          maxBytes: 100,
          maxFiles: 2,
          format: "k8s-file",
          tag: "",
        },
        pidFile: "/p",
        timeoutMs: 5000,
        networkHelper: ["slirp4netns", "{pid}"],
        cleanup: ["/bin/tsman", "rm"],
        foreground: false,
        hold: false,
      },
    );
    expect(one(plan, setting.TTY)).toEqual(["10", "20"]);
    expect(one(plan, setting.DETACH_KEYS)).toEqual([Uint8Array.of(16, 17)]);
    expect(one(plan, setting.LOG)).toEqual(["/c/log", "100", "2"]);
    expect(one(plan, setting.NETWORK)).toEqual(["slirp4netns", "{pid}"]);
    expect(one(plan, setting.STOP)).toEqual(["15", "10000"]);
    expect(one(plan, setting.TIMEOUT)).toEqual(["5000"]);
    expect(one(plan, setting.CLEANUP)).toEqual(["/bin/tsman", "rm"]);
    expect(one(plan, setting.PID_FILE)).toEqual(["/p"]);
    for (const op of [setting.STDIN, setting.DUMB_INIT]) expect(records(plan, op)).toHaveLength(1);
    for (const op of [setting.FOREGROUND, setting.HOLD]) expect(records(plan, op)).toEqual([]);
  });

  it("leaves terminal settings out without -t", () => {
    const plan = planOf({}, { detachKeys: Uint8Array.of(1), terminal: { rows: 1, columns: 1 } });
    for (const op of [setting.TTY, setting.DETACH_KEYS, step.CONSOLE]) {
      expect(records(plan, op)).toEqual([]);
    }
  });
});
