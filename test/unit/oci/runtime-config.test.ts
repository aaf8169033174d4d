import { describe, expect, it } from "vitest";
import { adoptConfig } from "../../../src/bundle/adopt/adopt-config.ts";
import { deviceRules, groupOwner } from "../../../src/bundle/adopt/adopt-resources.ts";
import type { AdoptionFacts } from "../../../src/bundle/adopt/adoption-facts.ts";
import { exampleConfig } from "../../../src/bundle/adopt/example-config.ts";
import { parseRuntimeConfig } from "../../../src/oci/runtime-config.ts";
import { compileAdditions } from "../../../src/runtime/additions.ts";

type Config = ReturnType<typeof JSON.parse>;

const facts: AdoptionFacts = {
  bundleDir: "/bundle",
  isUnified: true,
  canMakeNodes: false,
  grantable: [],
  canMakeNamespaces: true,
  mapsItself: true,
  securityModules: [],
  nodeAt: (path) =>
    path === "/dev/fuse" ? { major: 10, minor: 229, mode: 0o666, uid: 0, gid: 5 } : undefined,
  mapsOf: () => undefined,
};

/** What becomes of the example with a change: parsed, adopted, and what is compiled apart. */
function read(change: (config: Config) => void, given: Partial<AdoptionFacts> = {}) {
  const document: Config = structuredClone(exampleConfig({ uid: 1000, gid: 1000 }));
  change(document);
  const config = parseRuntimeConfig(Buffer.from(JSON.stringify(document)), "config.json");
  const bundle = adoptConfig(config, { ...facts, ...given });
  const departure = {
    leaves: undefined,
    consoleSocket: undefined,
    preserve: 0,
    hasOwnKeyring: true,
  };
  const additions = compileAdditions(config, {
    departure,
    stateJson: () => "{}",
    deviceRules: [],
  });
  return { bundle, additions };
}

const mapped = (option: string) => ({
  destination: "/x",
  source: "/y",
  options: ["bind", option],
});

const overlayRefusal = (
  name: string,
  pointer: string,
  options: readonly string[],
): readonly [string, string, (config: Config) => void] => [
  name,
  pointer,
  (c) => (c.mounts[0] = { destination: "/place", type: "overlay", options }),
];

/** Each is a config.json that is refused, by the place of what is wrong with it. */
const refusals: readonly (readonly [string, string, (config: Config) => void])[] = [
  ["another version", "/ociVersion", (c) => (c.ociVersion = "2.0.0")],
  ["no root", "/root", (c) => delete c.root],
  ["the host's root", "/root/path", (c) => (c.root.path = "/")],
  overlayRefusal("an overlay of nothing", "/mounts/0/options", ["upperdir=a,workdir=b"]),
  overlayRefusal("half an upper layer", "/mounts/0/options", ["lowerdir=a", "upperdir=b"]),
  overlayRefusal("an empty layer", "/mounts/0/options/1", ["ro", "lowerdir=a::b"]),
  overlayRefusal("two upper layers", "/mounts/0/options/1", [
    "lowerdir=a,upperdir=a",
    "upperdir=b",
  ]),
  [
    "the time of day moved",
    "/linux/timeOffsets/realtime",
    (c) => {
      c.linux.namespaces.push({ type: "time" });
      c.linux.timeOffsets = { boottime: { secs: 1 }, realtime: { secs: 1 } };
    },
  ],
  ["no process", "/process", (c) => delete c.process],
  ["no program", "/process/args", (c) => (c.process.args = [])],
  ["a relative directory", "/process/cwd", (c) => (c.process.cwd = "home")],
  ["a NUL byte", "/process/args/1", (c) => (c.process.args = ["sh", "a\0b"])],
  ["half a variable", "/process/env/0", (c) => (c.process.env = ["PATH"])],
  ["a name for a user", "/process/user/uid", (c) => (c.process.user.uid = "root")],
  ["the uid -1", "/process/user/uid", (c) => (c.process.user.uid = 2 ** 32 - 1)],
  [
    "a limit above its hard one",
    "/process/rlimits/0/soft",
    (c) => (c.process.rlimits = [{ type: "RLIMIT_CORE", soft: 2, hard: 1 }]),
  ],
  [
    "a limit twice",
    "/process/rlimits/1/type",
    (c) => (c.process.rlimits = [1, 1].map((n) => ({ type: "RLIMIT_CORE", soft: n, hard: n }))),
  ],
  [
    "a limit of more than 64 bits",
    "/process/rlimits/0/hard",
    (c) => (c.process.rlimits = [{ type: "RLIMIT_CORE", soft: 1, hard: 2 ** 65 }]),
  ],
  [
    "an unknown limit",
    "/process/rlimits/0/type",
    (c) => (c.process.rlimits = [{ type: "RLIMIT_FUN", soft: 1, hard: 1 }]),
  ],
  ["a badness out of range", "/process/oomScoreAdj", (c) => (c.process.oomScoreAdj = 1001)],
  [
    "an unknown policy",
    "/process/scheduler/policy",
    (c) => (c.process.scheduler = { policy: "SCHED_BEST" }),
  ],
  [
    "an unknown class",
    "/process/ioPriority/class",
    (c) => (c.process.ioPriority = { class: "IOPRIO_CLASS_TOP", priority: 1 }),
  ],
  [
    "AppArmor where there is none",
    "/process/apparmorProfile",
    (c) => (c.process.apparmorProfile = "own"),
  ],
  [
    "SELinux where there is none",
    "/process/selinuxLabel",
    (c) => (c.process.selinuxLabel = "a:b:c"),
  ],
  [
    "a processor for exec",
    "/process/execCPUAffinity",
    (c) => (c.process.execCPUAffinity = { initial: "0" }),
  ],
  [
    "half of crun's mapping",
    "/mounts/0/options/1",
    (c) => (c.mounts[0] = mapped("idmap=uids=0-1-10")),
  ],
  [
    "another mapping than crun's",
    "/mounts/0/options/1",
    (c) => (c.mounts[0] = mapped("idmap=uids=0-1-10;gids=0-1-10;pids=1-1-1")),
  ],
  [
    "a range of crun's mapping without a size",
    "/mounts/0/options/1",
    (c) => (c.mounts[0] = mapped("idmap=uids=0-1-10#20-30;gids=0-1-10")),
  ],
  [
    "a range of more than the ids that there are",
    "/mounts/0/options/1",
    (c) => (c.mounts[0] = mapped("ridmap=uids=0-1-4294967295;gids=0-1-10")),
  ],
  [
    "a range that the container does not map",
    "/mounts/0/options/1",
    (c) => (c.mounts[0] = mapped("idmap=uids=@0-0-10;gids=@0-0-10")),
  ],
  [
    "crun's mapping beside the mount's own",
    "/mounts/0/options/1",
    (c) =>
      (c.mounts[0] = {
        ...mapped("idmap=uids=0-1-10;gids=0-1-10"),
        uidMappings: [{ containerID: 0, hostID: 1, size: 1 }],
        gidMappings: [{ containerID: 0, hostID: 1, size: 1 }],
      }),
  ],
  [
    "an id of the container twice",
    "/linux/uidMappings/1/containerID",
    (c) =>
      (c.linux.uidMappings = [
        { containerID: 0, hostID: 1000, size: 10 },
        { containerID: 9, hostID: 100_000, size: 1 },
      ]),
  ],
  [
    "an id of the host twice",
    "/linux/gidMappings/2/hostID",
    (c) =>
      (c.linux.gidMappings = [
        { containerID: 0, hostID: 1000, size: 1 },
        { containerID: 1, hostID: 100_000, size: 10 },
        { containerID: 20, hostID: 100_009, size: 1 },
      ]),
  ],
  [
    "a hostname by a setting",
    "/linux/sysctl/kernel.hostname",
    (c) => (c.linux.sysctl = { "kernel.hostname": "x" }),
  ],
  ["a mount on the root", "/mounts/0/destination", (c) => (c.mounts[0].destination = "/")],
  [
    "a mount over the kernel's word",
    "/mounts/0/destination",
    (c) => (c.mounts[0] = { destination: "/proc/self", type: "tmpfs", source: "x" }),
  ],
  [
    "a bind mount of nothing",
    "/mounts/0/source",
    (c) => (c.mounts[0] = { destination: "/x", type: "bind" }),
  ],
  [
    "a flag that is none",
    "/mounts/0/options/1",
    (c) => (c.mounts[0] = { destination: "/x", source: "/y", options: ["bind", "readonly"] }),
  ],
  [
    "an option of tsman's own",
    "/mounts/0/options/0",
    (c) => (c.mounts[0].options = ["x-tsman.chown"]),
  ],
  [
    "other flags for what the kernel says",
    "/mounts/0/destination",
    (c) => (c.mounts[0] = { destination: "/proc/sys", options: ["remount", "rw"] }),
  ],
  [
    "half an id mapping of a mount",
    "/mounts/0/gidMappings",
    (c) =>
      (c.mounts[0] = {
        destination: "/x",
        source: "/y",
        options: ["bind"],
        uidMappings: [{ containerID: 0, hostID: 0, size: 1 }],
      }),
  ],
  [
    "a name without a namespace for it",
    "/hostname",
    (c) => (c.linux.namespaces = c.linux.namespaces.filter((n: Config) => n.type !== "uts")),
  ],
  [
    "a domain without a namespace for it",
    "/domainname",
    (c) => {
      c.hostname = "";
      c.domainname = "d";
      c.linux.namespaces = c.linux.namespaces.filter((n: Config) => n.type !== "uts");
    },
  ],
  [
    "no mount namespace",
    "/linux/namespaces",
    (c) => (c.linux.namespaces = c.linux.namespaces.filter((n: Config) => n.type !== "mount")),
  ],
  [
    "an unknown namespace",
    "/linux/namespaces/0/type",
    (c) => (c.linux.namespaces[0].type = "space"),
  ],
  [
    "a namespace twice",
    "/linux/namespaces/1",
    (c) => (c.linux.namespaces[1] = c.linux.namespaces[0]),
  ],
  [
    "a relative namespace",
    "/linux/namespaces/0/path",
    (c) => (c.linux.namespaces[0].path = "ns/pid"),
  ],
  ["a user namespace without maps", "/linux/uidMappings", (c) => delete c.linux.uidMappings],
  ["an empty range of ids", "/linux/uidMappings/0/size", (c) => (c.linux.uidMappings[0].size = 0)],
  [
    "offsets without a time namespace",
    "/linux/timeOffsets",
    (c) => (c.linux.timeOffsets = { boottime: { secs: 1 } }),
  ],
  [
    "a setting of the host's",
    "/linux/sysctl/kernel.core_pattern",
    (c) => (c.linux.sysctl = { "kernel.core_pattern": "x" }),
  ],
  [
    "a setting of a shared namespace",
    "/linux/sysctl/net.ipv4.ip_forward",
    (c) => (c.linux.sysctl = { "net.ipv4.ip_forward": "1" }),
  ],
  [
    "a device that the host has not",
    "/linux/devices/0",
    (c) => (c.linux.devices = [{ type: "c", path: "/dev/sda", major: 8, minor: 0 }]),
  ],
  [
    "a device under another name",
    "/linux/devices/0",
    (c) => (c.linux.devices = [{ type: "c", path: "/dev/fuse", major: 1, minor: 3 }]),
  ],
  [
    "a device of its own under a name that means another",
    "/linux/devices/0",
    (c) => (c.linux.devices = [{ type: "c", path: "/dev/null", major: 5, minor: 1 }]),
  ],
  [
    "a device without its number",
    "/linux/devices/0/minor",
    (c) => (c.linux.devices = [{ type: "b", path: "/dev/x", major: 1 }]),
  ],
  [
    "an unknown propagation",
    "/linux/rootfsPropagation",
    (c) => (c.linux.rootfsPropagation = "wide"),
  ],
  ["a relative mask", "/linux/maskedPaths/0", (c) => (c.linux.maskedPaths = ["proc"])],
  [
    "an unknown personality",
    "/linux/personality/domain",
    (c) => (c.linux.personality = { domain: "BSD" }),
  ],
  ["a cache of the processor's", "/linux/intelRdt", (c) => (c.linux.intelRdt = {})],
  [
    "an unknown action",
    "/linux/seccomp/defaultAction",
    (c) => (c.linux.seccomp = { defaultAction: "SCMP_ACT_MAYBE" }),
  ],
  [
    "a rule for no call",
    "/linux/seccomp/syscalls/0/names",
    (c) =>
      (c.linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: [], action: "SCMP_ACT_KILL" }],
      }),
  ],
  [
    "a number that is not exact",
    "/linux/seccomp/syscalls/0/args/0/value",
    (c) =>
      (c.linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [
          {
            names: ["kill"],
            action: "SCMP_ACT_KILL",
            args: [{ index: 0, value: 2 ** 60, op: "SCMP_CMP_EQ" }],
          },
        ],
      }),
  ],
  [
    "a question to nobody",
    "/linux/seccomp/syscalls/0/action",
    (c) =>
      (c.linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mount"], action: "SCMP_ACT_NOTIFY" }],
      }),
  ],
  [
    "an error number for what returns none",
    "/linux/seccomp/syscalls/0/errnoRet",
    (c) =>
      (c.linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mount"], action: "SCMP_ACT_KILL", errnoRet: 38 }],
      }),
  ],
  [
    "an error number for a default that returns none",
    "/linux/seccomp/defaultErrnoRet",
    (c) => (c.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 38 }),
  ],
  [
    "an architecture that nobody has",
    "/linux/seccomp/architectures/0",
    (c) =>
      (c.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_Z80"] }),
  ],
  [
    "swappiness",
    "/linux/resources/memory/swappiness",
    (c) => (c.linux.resources = { memory: { swappiness: 60 } }),
  ],
  [
    "memory of the kernel's alone",
    "/linux/resources/memory/kernel",
    (c) => (c.linux.resources = { memory: { kernel: 4096 } }),
  ],
  [
    "memory of connections alone",
    "/linux/resources/memory/kernelTCP",
    (c) => (c.linux.resources = { memory: { kernelTCP: 4096 } }),
  ],
  [
    "a weight of leaves",
    "/linux/resources/blockIO/weightDevice/0/leafWeight",
    (c) =>
      (c.linux.resources = {
        blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 10, leafWeight: 10 }] },
      }),
  ],
  [
    "a device without a limit",
    "/linux/resources/rdma/mlx5_1",
    (c) => (c.linux.resources = { rdma: { mlx5_1: {} } }),
  ],
  [
    "a device that is two words",
    "/linux/resources/rdma/a b",
    (c) => (c.linux.resources = { rdma: { "a b": { hcaObjects: 1 } } }),
  ],
  [
    "realtime",
    "/linux/resources/cpu/realtimeRuntime",
    (c) => (c.linux.resources = { cpu: { realtimeRuntime: 1 } }),
  ],
  [
    "a relative hook",
    "/hooks/prestart/0/path",
    (c) => (c.hooks = { prestart: [{ path: "hook" }] }),
  ],
  [
    "a hook among the processes of others",
    "/hooks/createContainer",
    (c) => {
      c.hooks = { createContainer: [{ path: "/hook" }] };
      c.linux.namespaces = c.linux.namespaces.map((n: Config) =>
        n.type === "pid" ? { ...n, path: "/proc/1/ns/pid" } : n,
      );
    },
  ],
  [
    "a hook without time",
    "/hooks/poststop/0/timeout",
    (c) => (c.hooks = { poststop: [{ path: "/hook", timeout: 0 }] }),
  ],
  ["an annotation without a name", "/annotations/", (c) => (c.annotations = { "": "x" })],
  ["annotations that are no text", "/annotations/a", (c) => (c.annotations = { a: 1 })],
];

describe("a config.json with", () => {
  it.each(refusals)("%s is refused at %s", (_what, pointer, change) => {
    let thrown: unknown;
    try {
      read(change);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "CONFIG_INVALID", details: { pointer } });
    expect(String(thrown)).toContain(`${pointer}:`);
  });

  it("namespaces that only a user namespace gives the right to make are refused without one", () => {
    const withoutUser = (config: Config) => {
      config.linux.namespaces = config.linux.namespaces.filter(
        (one: Config) => one.type !== "user",
      );
      delete config.linux.uidMappings;
      delete config.linux.gidMappings;
    };
    const given = { canMakeNamespaces: false };
    expect(() => read(withoutUser, given)).toThrow("/linux/namespaces: none is a user namespace");
    expect(() => read(() => {}, given)).not.toThrow();
  });

  it("a member twice, or no JSON in it, is refused", () => {
    for (const text of ['{"ociVersion":"1.2.0","ociVersion":"1.2.0"}', "{", "[]", "\u00ff"]) {
      const bytes = Buffer.from(text, "latin1");
      expect(() => parseRuntimeConfig(bytes, "config.json")).toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID" }),
      );
    }
  });
});

describe("a config.json", () => {
  it("may name every architecture that the specification knows", () => {
    const architectures = ["X86_64", "PARISC64", "M68K", "SHEB", "LOONGARCH64"].map(
      (name) => `SCMP_ARCH_${name}`,
    );
    const { bundle } = read((c) => {
      c.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", architectures };
    });
    expect(bundle.config.linux.seccomp?.architectures).toEqual(architectures);
  });

  it("may have members that the specification does not know, and null for missing ones", () => {
    const { bundle } = read((c) => {
      c.unknown = { deep: [1] };
      c.process.rlimits = null;
      c.linux.seccomp = null;
    });
    expect(bundle.config.process.rlimits).toEqual([]);
  });

  it("gets the capabilities that there are, with a warning for each that cannot be granted", () => {
    const every = (names: readonly string[]) => ({
      bounding: names,
      effective: names,
      permitted: names,
      inheritable: names,
      ambient: names,
    });
    const inside = read((c) => {
      c.process.capabilities = every(["CAP_FLY", "CAP_KILL", "CAP_SYS_BOOT"]);
    }).bundle;
    expect(inside.config.process.capabilities).toEqual(every(["CAP_KILL", "CAP_SYS_BOOT"]));
    expect(inside.warnings).toEqual([expect.stringMatching(/^\/process\/capabilities: CAP_FLY /)]);
    // With the host's user namespace, what this process itself may have.
    const outside = read(
      (c) => {
        c.process.capabilities = every(["CAP_KILL", "CAP_SYS_BOOT"]);
        c.linux.namespaces = c.linux.namespaces.filter((n: Config) => n.type !== "user");
      },
      { grantable: ["CAP_KILL"] },
    ).bundle;
    expect(outside.config.process.capabilities).toEqual(every(["CAP_KILL"]));
    expect(outside.warnings).toEqual([expect.stringContaining("CAP_SYS_BOOT")]);
  });

  it("gets no capability that the kernel would refuse for want of another set", () => {
    const { bundle } = read((c) => {
      c.process.capabilities = {
        bounding: ["CAP_KILL"],
        permitted: ["CAP_KILL", "CAP_CHOWN"],
        effective: ["CAP_FOWNER", "CAP_KILL"],
        inheritable: ["CAP_KILL", "CAP_CHOWN"],
        ambient: ["CAP_CHOWN", "CAP_KILL"],
      };
    });
    expect(bundle.config.process.capabilities).toEqual({
      bounding: ["CAP_KILL"],
      permitted: ["CAP_KILL", "CAP_CHOWN"],
      effective: ["CAP_KILL"],
      inheritable: ["CAP_KILL"],
      ambient: ["CAP_KILL"],
    });
    expect(bundle.warnings).toEqual([
      expect.stringMatching(/^\/process\/capabilities\/effective: CAP_FOWNER /),
      expect.stringMatching(/^\/process\/capabilities\/inheritable: CAP_CHOWN /),
      expect.stringMatching(/^\/process\/capabilities\/ambient: CAP_CHOWN /),
    ]);
  });

  it("has root for its user where it names none", () => {
    const { bundle } = read((c) => delete c.process.user);
    expect(bundle.config.process.user).toMatchObject({ uid: 0, gid: 0, additionalGids: [] });
  });

  it("has the caller's groups kept with crun's annotation for it", () => {
    const annotation = "run.oci.keep_original_groups";
    const keepsWith = (value: string): boolean =>
      read((c) => (c.annotations = { [annotation]: value })).bundle.user.keepGroups;
    expect([keepsWith("1"), keepsWith("0")]).toEqual([true, false]);
  });

  it("may give a bind mount data, which the kernel ignores, with a warning", () => {
    const { bundle } = read((c) => {
      c.mounts = [{ destination: "/x", source: "/y", options: ["bind", "mode=755", "ro"] }];
    });
    expect(bundle.config.mounts[0]?.options).not.toContain("mode=755");
    expect(bundle.config.mounts[0]?.options).toContain("ro");
    expect(bundle.warnings).toEqual([
      expect.stringMatching(/^\/mounts\/0\/options\/1: "mode=755" /),
    ]);
  });

  it("may change the flags of a mount that is there, but not its file system", () => {
    const remount = (...options: readonly string[]) =>
      read((c) =>
        c.mounts.push({ destination: "/tmp", type: "none", options: ["remount", ...options] }),
      ).bundle.config.mounts.at(-1)?.options;
    expect(remount("bind", "ro", "rslave")).toEqual(["ro", "rslave", "x-tsman.change"]);
    expect(() => remount("size=1m")).toThrow(/\/options\/1: "size=1m" is of a file system/);
    expect(() => remount("sync")).toThrow(/is of a file system/);
  });

  it("maps ids of a mount as crun's option says, counted by the host's or by the container's", () => {
    const mountOf = (option: string) => {
      const { bundle } = read((c) => {
        c.linux.uidMappings = [
          { containerID: 0, hostID: 1000, size: 1 },
          { containerID: 1, hostID: 100_000, size: 5000 },
        ];
        c.linux.gidMappings = c.linux.uidMappings;
        c.mounts = [mapped(option)];
      });
      return bundle.config.mounts[0];
    };
    expect(mountOf("ridmap=uids=0-1-10#10-11-10;gids=0-100-10")).toMatchObject({
      uidMappings: [
        { containerID: 0, hostID: 1, size: 10 },
        { containerID: 10, hostID: 11, size: 10 },
      ],
      gidMappings: [{ containerID: 0, hostID: 100, size: 10 }],
      options: expect.arrayContaining(["ridmap"]),
    });
    expect(mountOf("idmap=gids=@7-3-10;uids=@1-0-1")).toMatchObject({
      uidMappings: [{ containerID: 1, hostID: 1000, size: 1 }],
      gidMappings: [{ containerID: 7, hostID: 100_002, size: 10 }],
    });
  });

  it("warns of what a bind mount, or any, cannot have", () => {
    const warningsOf = (...options: readonly string[]) =>
      read((c) => {
        c.mounts = [{ destination: "/x", source: "/y", type: "none", options }];
        if (!options.includes("bind")) c.mounts[0].type = "tmpfs";
      }).bundle.warnings;
    expect(warningsOf("bind", "async", "lazytime")).toEqual([
      '/mounts/0/options/2: "lazytime" has no effect on a bind mount',
    ]);
    expect(warningsOf("sync", "mand")).toEqual([
      "/mounts/0/options/1: Linux has no mandatory locks any more",
    ]);
  });

  it("takes a limit of memory of zero for none, as Go writes it", () => {
    const { bundle } = read((c) => {
      c.linux.resources = { memory: { limit: 4096, swap: 0, reservation: 0, kernel: -1 } };
    });
    expect(bundle.config.linux.resources?.memory).toEqual({ limit: 4096 });
  });

  it("limits what it asks of RDMA devices as the kernel writes it", () => {
    const { bundle } = read((c) => {
      c.linux.resources = {
        rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10_000 }, rxe3: { hcaObjects: 1 } },
        unified: { "io.max": "8:0 rbps=1" },
      };
    });
    expect(bundle.config.linux.resources?.unified).toEqual({
      "rdma.max": "mlx5_1 hca_handle=3 hca_object=10000\nrxe3 hca_object=1",
      "io.max": "8:0 rbps=1",
    });
  });

  it("takes the largest number of 64 bits for no limit", () => {
    const { bundle } = read((c) => {
      const all = 18_446_744_073_709_551_615n;
      c.process.rlimits = [{ type: "RLIMIT_CORE", soft: 0, hard: Number(all) }];
    });
    expect(bundle.config.process.rlimits).toEqual([{ type: "RLIMIT_CORE", soft: 0, hard: -1 }]);
  });

  it("means paths of the host relative to its bundle, and those of the container absolute", () => {
    const { bundle } = read((c) => {
      c.mounts = [{ destination: "data/../x", source: "here", options: ["rbind", "ro"] }];
    });
    expect(bundle.config.mounts).toMatchObject([
      { destination: "/x", type: "bind", source: "/bundle/here" },
    ]);
  });

  it("gets the control groups that this host has", () => {
    const change = (c: Config): void => {
      c.mounts = [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" }];
    };
    expect(read(change).bundle.config.mounts).toMatchObject([{ type: "cgroup2" }]);
    expect(read(change, { isUnified: false }).bundle.config.mounts).toMatchObject([
      { type: "bind", source: "/sys/fs/cgroup" },
    ]);
    const second = (c: Config): void => {
      change(c);
      c.mounts[0].type = "cgroup2";
    };
    expect(read(second, { isUnified: false }).bundle.config.mounts).toMatchObject([
      { type: "cgroup2" },
    ]);
    const inOurs = (c: Config): void => {
      second(c);
      c.linux.namespaces = c.linux.namespaces.filter((one: Config) => one.type !== "cgroup");
    };
    expect(() => read(inOurs, { isUnified: false })).toThrow(/^read .*\/mounts\/0\/type: /);
  });

  it("gets devices made where that can be, and else bound", () => {
    const change = (c: Config): void => {
      c.linux.devices = [{ type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 0o600 }];
    };
    const bound = read(change).bundle;
    expect(bound.devices).toContainEqual({ hostPath: "/dev/fuse", path: "/dev/fuse" });
    expect(bound.nodes).toEqual([]);
    expect(bound.warnings).toEqual([
      "/linux/devices/0/fileMode: has no effect on a device of the host, whose mode is 0666",
    ]);
    const asThere = {
      type: "c",
      path: "/dev/fuse",
      major: 10,
      minor: 229,
      fileMode: 0o666,
      gid: 5,
    };
    expect(read((c) => (c.linux.devices = [asThere])).bundle.warnings).toEqual([]);
    const isRoot = (c: Config): void => {
      change(c);
      c.linux.namespaces = c.linux.namespaces.filter((n: Config) => n.type !== "user");
    };
    const made = read(isRoot, { canMakeNodes: true }).bundle;
    expect(made.nodes).toMatchObject([{ path: "/dev/fuse", mode: 0o600 }]);
    // user_namespaces(7) says nothing against fifos.
    const fifo = read((c) => (c.linux.devices = [{ type: "p", path: "/run/fifo" }])).bundle;
    expect(fifo.nodes).toMatchObject([{ path: "/run/fifo", type: "p", mode: 0o666 }]);
  });

  it("has the maps of a user namespace that is joined, or none", () => {
    const map = (hostID: number, size: number, containerID = 0) => ({ containerID, hostID, size });
    const bundleOf = (...uidMappings: Config[]) =>
      read(
        ({ linux }) => {
          linux.namespaces = linux.namespaces.map((one: Config) =>
            one.type === "user" ? { ...one, path: "/proc/5/ns/user" } : one,
          );
          linux.uidMappings = uidMappings;
          linux.gidMappings = [];
        },
        { mapsOf: () => ({ uid: [{ inside: 0, outside: 7, count: 10 }], gid: [] }) },
      ).bundle;
    expect(bundleOf().config.linux.uidMappings).toEqual([]);
    expect(() => bundleOf(map(7, 10))).not.toThrow();
    expect(() => bundleOf(map(11, 6, 4), map(7, 4))).not.toThrow();
    expect(() => bundleOf(map(8, 10))).toThrow(
      "/linux/uidMappings: is not what /proc/5/ns/user has, which is 0:7:10",
    );
  });

  it("has its control group given to the program's user where it can be written, and only there", () => {
    const ask = (change: (c: Config) => void): number | undefined => {
      const document: Config = structuredClone(exampleConfig({ uid: 1000, gid: 1000 }));
      document.process.user = { uid: 5, gid: 5 };
      document.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
      document.linux.namespaces = ["user", "mount", "cgroup"].map((type) => ({ type }));
      document.mounts = [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" }];
      change(document);
      return groupOwner(parseRuntimeConfig(Buffer.from(JSON.stringify(document)), "config.json"));
    };
    expect(ask(() => {})).toBe(100_005);
    expect(ask((c) => c.linux.namespaces.shift())).toBe(5);
    expect(ask((c) => (c.mounts[0].options = ["ro"]))).toBeUndefined();
    expect(ask((c) => (c.mounts = []))).toBeUndefined();
    expect(ask((c) => c.linux.namespaces.pop())).toBeUndefined();
    expect(ask((c) => (c.linux.namespaces[2].path = "/ns"))).toBeUndefined();
    expect(ask((c) => (c.linux.namespaces[0].path = "/ns"))).toBeUndefined();
    expect(ask((c) => (c.process.user.uid = 70_000))).toBeUndefined();
  });

  it("has the devices filtered that it denies root of the host, and no other's", () => {
    const rules = [{ allow: false, access: "rwm" }];
    const denying = (namespaces: readonly string[], resources: Config) =>
      ({ linux: { namespaces: namespaces.map((type) => ({ type })), resources } }) as never;
    const asRoot = { canMakeNodes: true };
    expect(deviceRules(denying(["mount"], { devices: rules }), asRoot)).toEqual(rules);
    expect(deviceRules(denying(["mount", "user"], { devices: rules }), asRoot)).toEqual([]);
    expect(deviceRules(denying(["mount"], { devices: rules }), { canMakeNodes: false })).toEqual(
      [],
    );
    expect(deviceRules(denying(["mount"], { devices: [{ allow: true }] }), asRoot)).toEqual([]);
  });
});
