import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { mergedTree } from "../../images/whiteouts/recipe.ts";
import { requires } from "../support/must-work.ts";
import { expectedIdMap } from "../support/subordinate-ids.ts";
import { hostPrograms, sh } from "./in-container.ts";
import {
  projectRoot,
  registry,
  type TestStore,
  type TsmanResult,
  tsmanPath,
  useDriver,
  useStore,
} from "./support.ts";
import { runWrapped } from "./wrapped.ts";

const store = useStore();
const denySyscall = join(projectRoot, "dist/native/deny-syscall");

function knownDriver(of: TestStore): unknown {
  const database = new DatabaseSync(join(of.root, "store.db"), { readOnly: true });
  try {
    return database.prepare("SELECT value FROM settings WHERE name = 'rootfs-driver'").get()?.value;
  } finally {
    database.close();
  }
}

/** `tsman ARGS` started by a shell script that is root of a user namespace of its own. */
async function inUserNamespace(
  map: "--map-auto" | "--map-root-user",
  script: string,
  args: readonly string[],
): Promise<TsmanResult> {
  const maps = map === "--map-auto" ? ["--map-auto", "--map-root-user"] : ["--map-root-user"];
  return await runWrapped(
    store(),
    ["unshare", ...maps, "sh", "-c", `${script} exec "$@"`, "sh"],
    args,
  );
}

describe("the drivers of the root file system", () => {
  const script =
    "cd /; find data | sort; cat data/replaced data/kept; readlink /data/dir-to-link; " +
    "stat -c '%n %a %u:%g' data data/*; rm -r /data/opaque; mkdir /data/opaque; ls /data/opaque; " +
    "echo changed >/data/kept; cat /data/kept; stat -c '%a %u:%g' /";

  async function filesWith(driver: string): Promise<string> {
    await store().succeed(["pull", "--quiet", `${registry()}/whiteouts`]);
    useDriver(store(), driver);
    const { stdout } = await store().succeed([
      ..."run --rm --network none".split(" "),
      `${registry()}/whiteouts`,
      ...["sh", "-c", `${script}; grep ' / ' /proc/mounts | cut -d ' ' -f 3 >&2`],
    ]);
    expect(knownDriver(store())).toBe(driver);
    return stdout;
  }

  it("give the same files: overlay, fuse-overlayfs, copy", async (context) => {
    requires(context, existsSync("/dev/fuse"), "/dev/fuse is missing");
    const overlay = await filesWith("overlay");
    expect(overlay.split("\n").slice(0, mergedTree.length)).toEqual(mergedTree);
    expect(overlay).toContain("\nchanged\n");
    expect(await filesWith("copy")).toBe(overlay);
    expect(await filesWith("fuse-overlayfs")).toBe(overlay);
  });

  it("are what they are called", async (context) => {
    requires(context, existsSync("/dev/fuse"), "/dev/fuse is missing");
    const type = "grep ' / ' /proc/mounts | cut -d ' ' -f 3";
    useDriver(store(), "fuse-overlayfs");
    expect(await sh(store(), "", type)).toMatch(/^fuse/);
    useDriver(store(), "copy");
    expect(await sh(store(), "", type)).not.toMatch(/overlay|fuse/);
    useDriver(store(), "overlay");
    expect(await sh(store(), "", type)).toBe("overlay");
  });
});

describe("a kernel without newer system calls", () => {
  const script = "id -u; echo x >/new; cat /new; ls -l /proc/self/fd | wc -l; cat /m/file";

  async function without(calls: string): Promise<TsmanResult> {
    const volume = join(projectRoot, "package.json");
    return await runWrapped(
      store(),
      [denySyscall, calls],
      [
        ..."run --rm --network none --init --tmpfs /t".split(" "),
        ...["--volume", `${volume}:/m/file:ro`, "busybox", "sh", "-c", script],
      ],
    );
  }

  for (const calls of [
    "openat2",
    "clone3",
    "close_range",
    "fsopen,fsconfig,fsmount,open_tree,move_mount",
    "mount_setattr",
    "pidfd_open",
    "clone3,close_range,fsconfig,fsmount,fsopen,move_mount,open_tree,openat2,mount_setattr,pidfd_open",
  ]) {
    it(`runs containers without ${calls}`, async (context) => {
      requires(context, existsSync(denySyscall), "dist/native/deny-syscall is not built");
      const { status, stdout, stderr } = await without(calls);
      expect(status, stderr).toBe(0);
      expect(stdout).toMatch(/^0\nx\n5\n\{\n/);
    });
  }

  it("makes all of a tree read-only, whose top is left open for targets meanwhile", async (context) => {
    requires(context, existsSync(denySyscall), "dist/native/deny-syscall is not built");
    // The host's /sys, with what is mounted in it, and the container's own control groups on top.
    const look = [
      ..."run --rm --quiet --network host busybox grep".split(" "),
      " /sys",
      "/proc/mounts",
    ];
    for (const calls of ["mount_setattr", "fsopen,fsmount,open_tree,move_mount,mount_setattr"]) {
      const { stdout, stderr } = await runWrapped(store(), [denySyscall, calls], look);
      expect(stdout, stderr).toMatch(/ \/sys .* ro,/);
      const writable = stdout.split("\n").filter((line) => line.split(" ")[3]?.startsWith("rw"));
      expect(writable).toEqual([]);
    }
  });

  it.each(["execveat", "memfd_create"])(
    "names %s, instead of which there is nothing",
    async (call) => {
      const { status, stdout, stderr } = await without(call);
      expect(stderr).toContain(`${call} `);
      expect(stderr).toContain("function not implemented");
      expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
    },
  );
});

describe("a limit of namespaces", () => {
  for (const kind of ["user", "mnt", "net", "pid", "ipc", "uts", "cgroup"]) {
    it(`max_${kind}_namespaces is named with its value and the remedy`, async () => {
      const { status, stdout, stderr } = await inUserNamespace(
        "--map-auto",
        `echo 0 >/proc/sys/user/max_${kind}_namespaces;`,
        "run --rm --network none busybox echo started".split(" "),
      );
      expect(stdout).toBe("");
      expect(stderr).toContain(`user.max_${kind}_namespaces = 0`);
      expect(stderr).toContain(`sysctl -w user.max_${kind}_namespaces=`);
      expect(status).toBe(125);
    });
  }
});

describe("a mapping of one id", () => {
  it("unpacks and starts an image of many owners, with a warning", async () => {
    const { status, stdout, stderr } = await inUserNamespace("--map-root-user", "", [
      ..."run --rm --network none --quiet".split(" "),
      `${registry()}/apt-like`,
      ...[
        "sh",
        "-c",
        "wc -l </proc/self/uid_map; stat -c %u:%g /etc/shadow; head -n 1 /etc/passwd",
      ],
    ]);
    expect(stderr).toContain("one id only");
    expect(status, stderr).toBe(0);
    expect(stdout).toBe("1\n0:0\nroot:x:0:0:root:/root:/bin/sh\n");
  });

  it("cannot give a container another user, and says so", async () => {
    const { status, stdout, stderr } = await inUserNamespace("--map-root-user", "", [
      ..."run --rm --network none --user 8 busybox id".split(" "),
    ]);
    expect(stdout).toBe("");
    expect(stderr).toContain("uid 8 is not mapped");
    expect(stderr).toContain("start the outer container with subordinate ids");
    expect(status).toBe(125);
  });
});

describe("a network that this host cannot give", () => {
  it.each([
    ["slirp4netns", "mount --bind /dev/null /usr/bin/slirp4netns", "apt install slirp4netns"],
    ["/dev/net/tun", "mount -t tmpfs none /dev/net", "modprobe tun"],
  ])(
    "without %s is an error with remedy and alternative, and leaves nothing",
    async (what, hide, remedy) => {
      const within = ["unshare", "--map-auto", "--map-root-user", "--mount", "sh", "-c"] as const;
      const run = "run --rm busybox echo started".split(" ");
      const hidden = [...within, `${hide} && exec "$@"`, "sh"] as const;
      const { status, stdout, stderr } = await runWrapped(store(), hidden, run);
      expect(stderr).toMatch(
        new RegExp(`error: set up network: ${what} (is not installed|does not exist)`),
      );
      expect(stderr).toContain(remedy);
      expect(stderr).toContain("--network none or --network host");
      expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
      expect(readdirSync(join(store().root, "containers"))).toEqual([]);
      const none = "run --rm --network none busybox echo started".split(" ");
      expect((await runWrapped(store(), hidden, none)).stdout).toBe("started\n");
    },
  );
});

describe("tsman in a container of tsman", () => {
  for (const [what, options] of [
    ["with --privileged", ["--privileged"]],
    ["with --cap-add SYS_ADMIN", ["--cap-add", "SYS_ADMIN"]],
  ] as const) {
    it(`runs containers ${what}`, async () => {
      const { stdout } = await store().succeed([
        ..."run --rm --network none".split(" "),
        ...[...options, ...hostPrograms, "--volume", `${projectRoot}:${projectRoot}:ro`],
        ...["--volume", "/data", "--env", "TSMAN_ROOT=/data/tsman"],
        ...["--env", "TSMAN_RUNTIME_DIR=/tmp/tsman", "busybox", tsmanPath],
        ..."run --rm --network none busybox sh -c".split(" "),
        "cat /proc/self/uid_map; id -u; grep -c . /proc/1/cmdline",
      ]);
      const count = expectedIdMap("uid").reduce((sum, line) => sum + line.count, 0);
      const [map = "", ...rest] = stdout.trim().split("\n");
      expect(map.trim().split(/\s+/)).toEqual(["0", "1", String(count - 1)]);
      expect(rest).toEqual(["0", "1"]);
    });
  }
});
