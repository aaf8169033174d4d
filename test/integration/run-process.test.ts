import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { descriptorsOf, statusOf } from "../support/proc.ts";
import { background, hostPrograms, sh, trySh } from "./in-container.ts";
import { registry, tsmanPath, useStore } from "./support.ts";

const store = useStore();
const image = (name: string) => `${registry()}/${name}`;

/** `tsman run --rm --network none ARGS`: its output, without the last newline. */
async function run(...args: readonly string[]): Promise<string> {
  const { stdout } = await store().succeed(["run", "--rm", "--network=none", ...args]);
  return stdout.replace(/\n$/, "");
}

/** The same for what must fail. */
async function fail(...args: readonly string[]) {
  const result = await store().run(["run", "--rm", "--network=none", ...args]);
  expect(result.stdout).toBe("");
  return result;
}

describe("the command", () => {
  it("is ENTRYPOINT followed by CMD when nothing is given", async () => {
    expect(await run(image("entrypoint-cmd"))).toMatch(/^entrypoint: env\n/);
  });

  it("is ENTRYPOINT followed by the arguments when there are some", async () => {
    expect(await run(image("entrypoint-cmd"), "echo", "a  b")).toBe("entrypoint: echo a  b\na  b");
  });

  it("is --entrypoint followed by the arguments, without the image's CMD", async () => {
    expect(await run("--entrypoint", "/bin/echo", image("entrypoint-cmd"))).toBe("");
    expect(await run("--entrypoint=/bin/echo", image("entrypoint-cmd"), "x")).toBe("x");
    expect(await run("--entrypoint", '["echo","a b"]', image("entrypoint-cmd"), "c")).toBe("a b c");
  });

  it("is the arguments alone with an empty --entrypoint", async () => {
    expect(await run("--entrypoint", "", image("entrypoint-cmd"), "echo", "x")).toBe("x");
    const { status, stderr } = await fail("--entrypoint=", image("entrypoint-cmd"));
    expect(stderr).toContain("no command");
    expect(status).toBe(125);
  });

  it("keeps options behind the image for the program", async () => {
    expect(await run("busybox", "sh", "-c", "echo $0 $*", "-x", "--rm", "--", "-it")).toBe(
      "-x --rm -- -it",
    );
    expect(await run("--", "busybox", "echo", "--", "-d")).toBe("-- -d");
  });

  it("gets arguments byte for byte", async () => {
    const text = "ä €\t'\"\\ $HOME\n*";
    expect(await run("busybox", "printf", "%s", text)).toBe(text);
  });
});

describe("the environment", () => {
  it("is the image's, PATH, HOME, HOSTNAME and container, and nothing of the caller's", async () => {
    const { stdout } = await store().succeed(
      ["run", "--rm", "--network=none", "--hostname=here", "busybox", "env"],
      { env: { SECRET_TOKEN: "leaked", NODE_OPTIONS: "--no-warnings", HOME: "/nowhere" } },
    );
    expect(stdout.trim().split("\n").sort()).toEqual([
      "HOME=/root",
      "HOSTNAME=here",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "container=oci",
    ]);
  });

  it("takes the image's ENV, with empty values and equals signs", async () => {
    const lines = (await run(image("entrypoint-cmd"))).split("\n");
    expect(lines).toContain("GREETING=hello world");
    expect(lines).toContain("EMPTY=");
    expect(lines).toContain("EQUALS=a=b=c");
  });

  it("puts --env over --env-file over the image", async () => {
    const file = join(store().scratch, "variables");
    writeFileSync(file, "# comment\nGREETING=file\nFROM_FILE= spaced out \nPASSED\nMISSING\n");
    const { stdout } = await store().succeed(
      [
        ..."run --rm --network=none --env-file".split(" "),
        file,
        ..."-e A=1 --env=B=x=y -e EMPTY -e PASSED_TOO --env FROM_FILE2=2 -e GREETING=option".split(
          " ",
        ),
        image("entrypoint-cmd"),
      ],
      { env: { PASSED: "from caller", PASSED_TOO: "too" } },
    );
    const lines = stdout.split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "A=1",
        "B=x=y",
        "GREETING=option",
        "FROM_FILE= spaced out ",
        "PASSED=from caller",
        "PASSED_TOO=too",
        "FROM_FILE2=2",
      ]),
    );
    expect(stdout).not.toContain("MISSING");
  });

  it("drops variables of the image with --unsetenv and --unsetenv-all", async () => {
    const one = await run("--unsetenv=GREETING", image("entrypoint-cmd"));
    expect(one).not.toContain("GREETING");
    expect(one).toContain("EQUALS=");
    const all = await run("--unsetenv-all", "-e", "PATH=/usr/bin", "busybox", "env");
    expect(all.split("\n").sort()).toEqual(["HOME=/root", "PATH=/usr/bin"]);
  });

  it("says TERM=xterm with a terminal only", async () => {
    expect(await run("-t", "busybox", "env")).toContain("TERM=xterm");
    expect(await run("busybox", "env")).not.toContain("TERM");
  });

  it("finds the program in the PATH that --env gives", async () => {
    const { status, stderr } = await fail("-e", "PATH=/nowhere", "busybox", "true");
    expect(stderr).toContain("true");
    expect(status).toBe(127);
    expect(await run("-e", "PATH=/nowhere:/bin", "busybox", "echo", "x")).toBe("x");
  });
});

describe("the working directory", () => {
  it("is the image's WORKDIR, which is made when it is missing", async () => {
    for (const options of [[], ["--read-only"]]) {
      expect(await run(...options, image("entrypoint-cmd"), "pwd")).toBe(
        "entrypoint: pwd\n/work/not/there",
      );
    }
  });

  it("is / or what -w says", async () => {
    expect(await run("busybox", "pwd")).toBe("/");
    expect(await run("-w", "/usr/../var", "busybox", "pwd")).toBe("/var");
  });

  it("must exist, be absolute and be a directory", async () => {
    const missing = await fail("-w", "/nowhere", "busybox", "pwd");
    expect(missing.stderr).toContain("/nowhere (--workdir): no such file or directory");
    expect(missing.status).toBe(126);
    expect((await fail("-w", "relative", "busybox", "pwd")).stderr).toContain(
      "not an absolute path",
    );
    expect((await fail("-w", "/etc/passwd", "busybox", "pwd")).stderr).toContain("not a directory");
  });

  it.each([3, 4, 5, 8, 16])("is never what descriptor %i of tsman leads to (S2)", async (fd) => {
    const { status, stderr } = await fail("-w", `/proc/self/fd/${fd}`, "busybox", "pwd");
    expect(stderr).toContain(`/proc/self/fd/${fd}`);
    expect(status).toBe(126);
  });
});

describe("the user", () => {
  const ids = "id -u; id -g; id -G";

  it.each([
    ["1", "1 1 1"],
    ["01", "1 1 1"],
    ["0", "0 0 0"],
    ["", "0 0 0"],
    ["root", "0 0 0"],
    ["daemon", "1 1 1"],
    ["daemon:root", "1 0 0"],
    ["1:7", "1 7 7"],
    ["1234", "1234 0 0"],
    ["1234:5678", "1234 5678 5678"],
    ["65534", "65534 65534 65534"],
    ["65536", "65536 0 0"],
  ])("-u %j is exactly %j (S22)", async (spec, expected) => {
    const output = await run("-u", spec, "busybox", "sh", "-c", ids);
    expect(output.split("\n").join(" ")).toBe(expected);
  });

  it.each([
    ["1:"],
    [":1"],
    ["+1"],
    [" 1"],
    ["1 "],
    ["0x1"],
    ["1e3"],
    ["-1"],
    ["1.0"],
    ["4294967295"],
    ["4294967296"],
    ["18446744073709551616"],
    ["2147483648"],
    ["65537"],
    ["1:4294967296"],
    ["1:70000"],
    ["nobody-here"],
    ["123name"],
    ["root:nogroup-here"],
    ["1:1:1"],
  ])("-u %j is refused, and never uid 0 (S22)", async (spec) => {
    const { status, stderr } = await fail(`--user=${spec}`, "busybox", "sh", "-c", ids);
    expect(stderr).toContain(spec.split(":").at(-1)?.trim());
    // 126 where the image is asked for a name.
    expect(status).toBe(stderr.includes("look up") ? 126 : 125);
  });

  it("has the image's supplementary groups when named, or numbered as named", async () => {
    const named = "uid=1000(app) gid=1001(app) groups=29(audio),44(video),1001(app)";
    expect(await run(image("user-by-name"))).toBe(named);
    expect(await run("-u", "1000", image("user-by-name"))).toBe(named);
    // With a group of its own choosing it has that one alone, as in Docker.
    expect(await run("-u", "app:staff", image("user-by-name"))).toBe(
      "uid=1000(app) gid=50(staff) groups=50(staff)",
    );
    expect(await run("-u", "root", image("user-by-name"))).toBe(
      "uid=0(root) gid=0(root) groups=0(root),44(video),50(staff)",
    );
  });

  it("starts in the image's WORKDIR with its HOME and reads what only it may", async () => {
    const script = "pwd; echo $HOME; cat mine; cat /etc/shadow 2>/dev/null || echo refused";
    expect(await run(image("user-by-name"), "sh", "-c", script)).toBe(
      "/home/app\n/home/app\napp\nrefused",
    );
  });

  it("gets the groups of --group-add, by name and number", async () => {
    expect(
      await run("--group-add", "staff", "--group-add=77", image("user-by-name"), "id", "-G"),
    ).toBe("1001 29 44 50 77");
    const { status, stderr } = await fail("--group-add", "nowhere", image("user-by-name"));
    expect(stderr).toContain(
      "look up group nowhere (image USER and --group-add): not in /etc/group",
    );
    expect(status).toBe(126);
  });

  it("gets an entry in passwd when the image has none", async () => {
    const script = "id -un; tail -n 1 /etc/passwd; echo $HOME";
    expect(await run("-u", "1234:5678", "busybox", "sh", "-c", script)).toBe(
      "1234\n1234:x:1234:5678:container user:/:/bin/sh\n/",
    );
    expect(await run("-u", "1", "busybox", "sh", "-c", "grep -c : /etc/passwd")).toBe(
      await run("busybox", "grep", "-c", ":", "/etc/passwd"),
    );
  });

  it("has a group with a line when the image has none for it", async () => {
    expect(await sh(store(), "-u 5:4321", "id -gn; tail -n 1 /etc/group")).toBe(
      "4321\n4321:x:4321:",
    );
    const count = async (user: string) => await sh(store(), `-u ${user}`, "wc -l </etc/group");
    expect(await count("0")).toBe(await count("5"));
  });

  it("is nobody by accident: an empty part is refused", async () => {
    for (const user of [":55", ":", "5:"]) {
      const { status, stderr } = await fail("-u", user, "busybox", "id");
      expect(stderr).toContain("an empty name; root is 0");
      expect(status).toBe(125);
    }
  });

  it("is named when it is not in the image", async () => {
    const { status, stderr } = await fail("-u", "nobody-here", "busybox", "id");
    expect(stderr).toContain("look up user nobody-here (--user): not in /etc/passwd");
    expect(status).toBe(126);
    const directory = await fail("-w", "/etc/passwd", "busybox", "id");
    expect(directory.stderr).toContain("change directory /etc/passwd (--workdir): not a directory");
    expect(directory.status).toBe(126);
  });
});

describe("capabilities", () => {
  const capabilities = "grep -E '^Cap' /proc/self/status | cut -f 2";
  const podmans = "00000000800405fb";
  const none = "0000000000000000";
  /** CapInh CapPrm CapEff CapBnd CapAmb */
  const sets = async (...options: readonly string[]) =>
    (await run(...options, "busybox", "sh", "-c", capabilities)).split("\n");

  it("are Podman's default ones, and none is inheritable (S19)", async () => {
    expect(await sets()).toEqual([none, podmans, podmans, podmans, none]);
  });

  it("are added and dropped by name, in any case and form", async () => {
    expect(await sets("--cap-drop=ALL")).toEqual([none, none, none, none, none]);
    const raw = "0000000000002000";
    expect(await sets("--cap-drop=all", "--cap-add=net_raw")).toEqual([none, raw, raw, raw, none]);
    const without = "00000000800405fa";
    expect(await sets("--cap-drop=CAP_CHOWN")).toEqual([none, without, without, without, none]);
  });

  it("are all of the kernel's with --cap-add ALL and --privileged", async () => {
    const last = BigInt(readFileSync("/proc/sys/kernel/cap_last_cap", "utf8"));
    const all = ((1n << (last + 1n)) - 1n).toString(16).padStart(16, "0");
    expect(await sets("--cap-add=ALL")).toEqual([none, all, all, all, none]);
    expect(await sets("--privileged")).toEqual([none, all, all, all, none]);
  });

  it("are gone for another user than root, but for the bounding set", async () => {
    expect(await sets("-u", "1")).toEqual([none, none, none, podmans, none]);
  });

  it("are none by accident: an empty name is refused", async () => {
    for (const option of ["--cap-add=", "--cap-drop=", "--cap-add=CHOWN,"]) {
      expect((await fail(option, "busybox", "true")).stderr).toContain('"": no such capability');
    }
  });

  it("that do not exist are named", async () => {
    const { status, stderr } = await fail("--cap-add=CAP_FLY", "busybox", "true");
    expect(stderr).toContain("CAP_FLY");
    expect(status).toBe(125);
  });
});

describe("system calls", () => {
  const filterMode = "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status | cut -f 2";

  it("are filtered unless unconfined or privileged", async () => {
    expect(await sh(store(), "", filterMode)).toBe("0\n2");
    expect(await sh(store(), "--security-opt seccomp=unconfined", filterMode)).toBe("0\n0");
    expect(await sh(store(), "--privileged", filterMode)).toBe("0\n0");
    expect(await sh(store(), "-u 1 --cap-drop ALL", filterMode)).toBe("0\n2");
  });

  it("gain no privileges with no-new-privileges", async () => {
    expect(await sh(store(), "--security-opt no-new-privileges", filterMode)).toBe("1\n2");
  });

  it("that are dangerous or unknown fail as they should (S28)", async () => {
    // By number, where a libc has no name: x86-64 and arm64 agree above 424.
    const numbers =
      process.arch === "x64"
        ? { keyctl: 250, addKey: 248, unshare: 272, ptrace: 101, bpf: 321, userfaultfd: 323 }
        : { keyctl: 219, addKey: 217, unshare: 97, ptrace: 117, bpf: 280, userfaultfd: 282 };
    const script = `
      use Errno;
      sub name { my ($n) = @_; for (keys %!) { return $_ if Errno->can($_) && Errno->$_() == $n } $n }
      sub try { my ($what, $r) = @_; print "$what ", ($r == -1 ? name($! + 0) : "ok"), "\\n"; }
      try("clone3", syscall(435, 0, 0));
      try("io_uring_setup", syscall(425, 1, 0));
      try("unknown", syscall(9999));
      try("keyctl", syscall(${numbers.keyctl}, 0, 0));
      try("add_key", syscall(${numbers.addKey}, my $type = "user", my $name = "x", my $data = "y", 1, -3));
      try("bpf", syscall(${numbers.bpf}, 0, 0, 0));
      try("userfaultfd", syscall(${numbers.userfaultfd}, 0));
      try("unshare", syscall(${numbers.unshare}, 0x10000000));
      try("socket AF_VSOCK", socket(S, 40, 1, 0) ? 0 : -1);
      try("socket AF_ALG", socket(S, 38, 5, 0) ? 0 : -1);
      my $c = "x";
      try("TIOCSTI", defined(ioctl(STDIN, 0x5412, $c)) ? 0 : -1);
      try("TIOCSTI high bits", syscall(${process.arch === "x64" ? 16 : 29}, 0, 0x100005412, $c));
      try("TIOCLINUX", defined(ioctl(STDIN, 0x541c, $c)) ? 0 : -1);
      try("TCGETS", defined(ioctl(STDIN, 0x5401, $c = " " x 100)) ? 0 : -1);
    `;
    const { stdout } = await store().succeed([
      "run",
      "--rm",
      "--network=none",
      ...hostPrograms,
      "busybox",
      ...["/usr/bin/perl", "-e", script],
    ]);
    expect(
      Object.fromEntries(
        stdout
          .trim()
          .split("\n")
          .map((line) => line.split(/ (?=\S+$)/)),
      ),
    ).toEqual({
      clone3: "ENOSYS",
      io_uring_setup: "EPERM",
      unknown: "ENOSYS",
      keyctl: "EPERM",
      add_key: "EPERM",
      bpf: "EPERM",
      userfaultfd: "EPERM",
      unshare: "EPERM",
      "socket AF_VSOCK": "EAFNOSUPPORT",
      "socket AF_ALG": "EAFNOSUPPORT",
      TIOCSTI: "EPERM",
      "TIOCSTI high bits": "EPERM",
      TIOCLINUX: "EPERM",
      TCGETS: "ENOTTY",
    });
  });

  it("follow a profile in Docker's form", async () => {
    const profile = join(store().scratch, "profile.json");
    writeFileSync(
      profile,
      JSON.stringify({
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 }],
      }),
    );
    const { stderr, status } = await trySh(
      store(),
      ["--network=none", `--security-opt=seccomp=${profile}`],
      "mkdir /tmp/x",
    );
    expect(stderr).toContain("No space left on device");
    expect(status).toBe(1);
  });

  it("with a profile that is not there or not one are an error", async () => {
    const missing = await fail("--security-opt=seccomp=/nowhere.json", "busybox", "true");
    expect(missing.stderr).toContain("/nowhere.json");
    const broken = join(store().scratch, "broken.json");
    writeFileSync(broken, '{"defaultAction":"SCMP_ACT_MAYBE"}');
    const { status, stderr } = await fail(`--security-opt=seccomp=${broken}`, "busybox", "true");
    expect(stderr).toContain("broken.json");
    expect(status).toBe(125);
  });
});

describe("resource limits", () => {
  it("are what --ulimit says, soft and hard", async () => {
    expect(
      await sh(
        store(),
        "--ulimit nofile=100:200 --ulimit core=0 --ulimit=stack=1048576",
        "ulimit -n; ulimit -Hn; ulimit -c; ulimit -s",
      ),
    ).toBe("100\n200\n0\n1024");
  });

  it("above the caller's are lowered, with a warning that names the limit", async () => {
    const { stdout, stderr, status } = await trySh(
      store(),
      "--network=none --ulimit nofile=99999999",
      "ulimit -Hn",
    );
    const mine = statusOfLimits();
    expect(status).toBe(0);
    if (mine < 99_999_999) {
      expect(stderr).toContain("nofile");
      expect(stdout.trim()).toBe(String(mine));
    }
  });

  it("of an unknown name are refused", async () => {
    const { status, stderr } = await fail("--ulimit=files=1", "busybox", "true");
    expect(stderr).toContain('unknown limit "files"');
    expect(status).toBe(125);
  });
});

describe("the process", () => {
  it("has no descriptor beyond 0 to 2", async () => {
    await using container = await background(store(), "");
    expect([...descriptorsOf(container.pid).keys()]).toEqual([0, 1, 2]);
  });

  it("has no descriptor beyond 0 to 2 when the caller has left some open", async () => {
    const caller = spawnSync(
      "sh",
      [
        "-c",
        'exec 7</etc/passwd 8>&1; exec "$@"',
        "sh",
        tsmanPath,
        ..."run --rm --network=none busybox sh -c".split(" "),
        "exec 9</; ls /proc/$$/fd; :",
      ],
      { env: store().environment(), encoding: "utf8" },
    );
    expect(caller.stdout.trim().split("\n")).toEqual(["0", "1", "2", "9"]);
  });

  it("is pid 1, leads its session and has no signal blocked or ignored", async () => {
    await using container = await background(store(), "");
    const status = statusOf(container.pid);
    expect(status.NSpid?.split(/\s+/).at(-1)).toBe("1");
    expect(status.NSsid?.split(/\s+/).at(-1)).toBe("1");
    expect(status.SigBlk).toBe("0000000000000000");
    expect(status.SigIgn).toBe("0000000000000000");
    expect(status.Umask).toBe("0022");
  });

  it("has the umask of --umask", async () => {
    expect(await sh(store(), "--umask 0077", "umask; touch /f; stat -c %a /f")).toBe("0077\n600");
  });

  it("has the usual umask where the caller's leaves nobody any right, and a store is made", async () => {
    const empty = mkdtempSync(join(tmpdir(), "umask-"));
    try {
      const command = [tsmanPath, "--root", join(empty, "store"), "run", "--rm", "--network=none"];
      const script = ["sh", "-c", "umask", "umask"];
      for (const quiet of [[], ["--quiet"]]) {
        const { status, stdout, stderr } = await store().run(
          ["-c", 'umask 777; exec "$@"', "sh", ...command, ...quiet, image("busybox"), ...script],
          { program: "sh" },
        );
        expect(status, stderr).toBe(0);
        expect(stdout).toBe("0022\n");
      }
    } finally {
      await store().succeed(["--root", join(empty, "store"), "system", "reset", "--force"]);
      rmSync(empty, { recursive: true });
    }
  });

  it("has the badness of --oom-score-adj", async () => {
    expect(await sh(store(), "--oom-score-adj 500", "cat /proc/self/oom_score_adj")).toBe("500");
  });

  it("is a child of tsman's init with --init, which reaps orphans and forwards signals", async () => {
    expect(await sh(store(), "--init", "cat /proc/1/comm; echo $$")).toBe("tsman-init\n2");
    await using container = await background(store(), "--init", [
      "sh",
      "-c",
      "trap 'exit 33' USR1; sleep 1000 & echo ready; wait",
    ]);
    const follow = store().start(["logs", "-f", container.id]);
    await follow.stdout.until("ready");
    await store().succeed(["kill", "--signal", "USR1", container.id]);
    expect((await store().succeed(["wait", container.id])).stdout).toBe("33\n");
    await follow.ended;
  });

  it("leaves no zombies with --init", async () => {
    // The subshell ends before its child, which init then gets, and reaps.
    const script =
      "(sleep 0 & echo $!) >/orphan; while kill -0 $(cat /orphan); do :; done 2>/dev/null";
    expect(await sh(store(), "--init", `${script}; echo reaped`)).toBe("reaped");
  });
});

describe("the exit status", () => {
  it("is the program's", async () => {
    expect((await trySh(store(), "--network=none", "exit 7")).status).toBe(7);
    expect((await trySh(store(), "--network=none", "exit 0")).status).toBe(0);
    expect((await trySh(store(), "--network=none", "exit 255")).status).toBe(255);
  });

  it("is 128 and the signal's number when one has ended it", async () => {
    const { status } = await trySh(store(), "--network=none --init", "kill -9 $$");
    expect(status).toBe(137);
    const term = await trySh(store(), "--network=none --init", "kill -TERM $$");
    expect(term.status).toBe(143);
  });

  it("is 127 when the program is not found", async () => {
    const { status, stderr } = await fail("busybox", "no-such-program");
    expect(stderr).toContain("run no-such-program: not found in PATH of the container");
    expect(status).toBe(127);
    expect((await fail("busybox", "/no/such/program")).status).toBe(127);
  });

  it("is 126 when the program cannot be executed", async () => {
    for (const program of ["/etc/passwd", "/etc"]) {
      const { status, stderr } = await fail("busybox", program);
      expect(stderr).toContain(`run ${program}: it may not be executed`);
      expect(status).toBe(126);
    }
    const { status, stderr } = await trySh(
      store(),
      ["--network=none", "--entrypoint", ""],
      "printf 'no program' >/x; chmod +x /x; exec /x",
    );
    // busybox's shell runs what execve refuses with ENOEXEC as a script.
    expect(stderr).toContain("not found");
    expect(status).toBe(127);
  });

  it("is 125 when tsman itself fails", async () => {
    expect((await fail("--no-such-option", "busybox")).status).toBe(125);
    expect((await fail("127.0.0.1:1/nothing")).status).toBe(125);
    expect((await fail("--pull=never", "nothing-here")).status).toBe(125);
  });
});

/** The hard limit of open files here, which the tests' tsman inherits. */
function statusOfLimits(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/^Max open files +\S+ +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}
