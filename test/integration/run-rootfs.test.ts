import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { names } from "../../images/non-utf8/recipe.ts";
import { mergedTree } from "../../images/whiteouts/recipe.ts";
import { mountAt, mountsOf } from "../support/proc.ts";
import { background, sh, trySh } from "./in-container.ts";
import { registry, useStore } from "./support.ts";

const store = useStore();

/** What a shell script prints in a new container of one of the tests' images. */
async function inImage(name: string, script: string): Promise<string> {
  const { stdout } = await store().succeed([
    ..."run --rm --network=none --quiet --entrypoint=".split(" "),
    `${registry()}/${name}`,
    ...["sh", "-c", script],
  ]);
  return stdout.replace(/\n$/, "");
}

describe("the layers of an image", () => {
  it("are merged, all 121 of them", async () => {
    const script = "cat /last /layers/1 /layers/120; ls /layers | wc -l";
    expect(await inImage("many-layers", script)).toBe("120\n1\n120\n120");
  });

  it("hide what whiteouts and opaque directories delete", async () => {
    const found = await inImage("whiteouts", "cd /; find data | sort; cat data/replaced data/kept");
    expect(found.split("\n")).toEqual([...mergedTree, "new", "kept"]);
    expect(await inImage("whiteouts", "readlink /data/dir-to-link; cat /data/dir-to-file")).toBe(
      "opaque\nnew",
    );
  });

  it("link files across layers", async () => {
    const script =
      "cd /links; cat original second deep/third across; readlink link; readlink link-name";
    expect(await inImage("hardlinks", script)).toBe("two\none\none\none\noriginal\noriginal");
  });

  it("give files their owners, modes, times and kinds", async () => {
    const names =
      "setuid setgid setuid-of-user sticky setgid-dir secret fifo exact-time nobody link";
    const script = `cd /special; stat -c '%n %a %u:%g %F' ${names}; stat -c '%.Y' before-1970 link`;
    expect((await inImage("special", script)).split("\n")).toEqual([
      "setuid 4755 0:0 regular empty file",
      "setgid 2755 0:1001 regular empty file",
      "setuid-of-user 6755 1000:1001 regular empty file",
      "sticky 1777 0:0 directory",
      "setgid-dir 2775 0:1001 directory",
      "secret 0 0:0 regular empty file",
      "fifo 620 1000:1001 fifo",
      "exact-time 644 0:0 regular empty file",
      "nobody 644 65534:65534 regular empty file",
      "link 777 1000:1001 symbolic link",
      "-86400",
      "1767225601",
    ]);
    expect(await inImage("special", "ls /special/null /special/disk 2>&1 | wc -l")).toBe("2");
  });

  it("name files by bytes", async () => {
    const { stdoutBytes } = await store().succeed([
      ..."run --rm --network=none --quiet".split(" "),
      `${registry()}/non-utf8`,
      ...["sh", "-c", "cd /hard; cat * | od -An -v -tx1 | tr -d ' \\n'"],
    ]);
    // The shell sorts the numbers as text.
    const order = names.map((_, index) => index).sort((a, b) => (`${a}` < `${b}` ? -1 : 1));
    const expected = Buffer.concat(order.map((index) => names[index] ?? Buffer.alloc(0)));
    expect(stdoutBytes.toString()).toBe(expected.toString("hex"));
  });

  it("stay as they are, whatever a container writes", async () => {
    await sh(store(), "", "rm /etc/passwd; echo x >/etc/group; mkdir /new; rm -r /home");
    expect(
      await sh(store(), "", "cat /etc/passwd | wc -l; head -n 1 /etc/group; ls /new /home").catch(
        (error: Error) => error.message,
      ),
    ).toContain("/new: No such file");
    expect(await sh(store(), "", "wc -l </etc/passwd; head -n 1 /etc/group; ls -d /home")).toBe(
      "4\nroot:x:0:\n/home",
    );
  });
});

describe("the root", () => {
  it("is an overlay, and nothing of the host's tree is left (S18)", async () => {
    await using container = await background(store(), "");
    expect(mountAt(container.pid, "/")).toMatchObject({ fstype: "overlay" });
    const allowed = /^\/(proc|sys|dev|etc|run)(\/|$)|^\/$/;
    for (const { mountPoint } of mountsOf(container.pid)) expect(mountPoint).toMatch(allowed);
    // Going up from any root ends at the container's own.
    expect(
      await sh(store(), "", "cd /..; ls -d work home/* 2>&1; ls /proc/1/root/../../bin/sh"),
    ).toContain("/proc/1/root/../../bin/sh");
  });

  it("names no path of the host in its mounts (S18)", async () => {
    const mounts = await sh(store(), "", "cat /proc/1/mounts");
    expect(mounts).not.toContain(store().root);
    expect(mounts).not.toContain("/oldroot");
  });

  it("is writable, or not with --read-only, but for tmpfs on /run, /tmp and /var/tmp", async () => {
    expect(await sh(store(), "", "touch /x /usr/bin/x && echo writable")).toBe("writable");
    const script =
      "touch /x /usr/x /dev/x; for d in /run /tmp /var/tmp; do touch $d/x && echo $d; done";
    const { stdout, stderr } = await trySh(store(), "--network none --read-only", script);
    expect(stdout).toBe("/run\n/tmp\n/var/tmp\n");
    for (const file of ["/x", "/usr/x"]) {
      expect(stderr).toContain(`${file}: Read-only file system`);
    }
    const bare = await trySh(store(), "--network none --read-only --read-only-tmpfs=false", script);
    expect(bare.stdout).toBe("");
    expect(bare.stderr).toContain("/tmp/x: Read-only file system");
  });

  it("has a table of its mounts in /etc/mtab, of which a comparison says nothing", async () => {
    const script = "readlink /etc/mtab; grep -c ' / ' /etc/mtab";
    expect(await sh(store(), "--read-only", script)).toBe("/proc/mounts\n1");
    await store().succeed("run --quiet --network none --name mtab busybox true".split(" "));
    expect((await store().succeed(["diff", "mtab"])).stdout).not.toContain("mtab");
    await store().succeed(["rm", "mtab"]);
  });

  it("can be a directory with --rootfs, changed by the container, or with :O not", async () => {
    const root = join(store().scratch, "rootfs");
    for (const directory of ["bin", "etc", "proc", "sys", "dev", "run"]) {
      mkdirSync(join(root, directory), { recursive: true });
    }
    const busybox = ["--volume", "/bin/busybox:/bin/busybox:ro"];
    const touch = (suffix: string, name: string) =>
      store().succeed([
        ..."run --rm --network none --rootfs".split(" "),
        ...busybox,
        ...[`${root}${suffix}`, "/bin/busybox", "touch", `/${name}`],
      ]);
    await touch(":O", "in-overlay");
    expect(readdirSync(root)).not.toContain("in-overlay");
    await touch("", "in-place");
    expect(readdirSync(root)).toContain("in-place");
    const missing = await store().run([
      ..."run --rm --network none --rootfs /no/such/dir true".split(" "),
    ]);
    expect(missing.stderr).toContain("/no/such/dir");
    expect(missing.status).toBe(125);
  });
});

describe("/dev", () => {
  it("has the usual nodes and links, and no other", async () => {
    const script =
      "cd /dev; for f in *; do if [ -L $f ]; then echo $f -> $(readlink $f); else stat -c '%n %F %t,%T %a' $f; fi; done";
    const lines = (await sh(store(), "", script.replace("echo $f -> $", "echo $f '->' $"))).split(
      "\n",
    );
    expect(lines).toEqual([
      ...(lines.includes("core -> /proc/kcore") ? ["core -> /proc/kcore"] : []),
      "fd -> /proc/self/fd",
      "full character special file 1,7 666",
      expect.stringMatching(/^mqueue directory /),
      "null character special file 1,3 666",
      "ptmx -> pts/ptmx",
      expect.stringMatching(/^pts directory /),
      "random character special file 1,8 666",
      expect.stringMatching(/^shm directory .* 1777$/),
      "stderr -> /proc/self/fd/2",
      "stdin -> /proc/self/fd/0",
      "stdout -> /proc/self/fd/1",
      "tty character special file 5,0 666",
      "urandom character special file 1,9 666",
      "zero character special file 1,5 666",
    ]);
  });

  it("works: null, zero, full, urandom, shm, ptmx", async () => {
    const script = `
      echo x >/dev/null && head -c 4 /dev/zero | od -An -tx1 && head -c 4 /dev/urandom | wc -c
      echo x >/dev/full; echo $?
      echo shared >/dev/shm/x && cat /dev/shm/x; mkdir /dev/mqueue/x; [ -c /dev/ptmx ] && echo ptmx`;
    const { stdout } = await trySh(store(), "--network none", script);
    expect(stdout.replaceAll(" ", "").trim().split("\n")).toEqual([
      "00000000",
      "4",
      "1",
      "shared",
      "ptmx",
    ]);
  });

  it("has a console with -t only, which is the terminal", async () => {
    const withTerminal = await sh(store(), "-t", "tty; stat -c %F /dev/console; ls /dev/pts");
    expect(withTerminal.replaceAll("\r", "").split(/\s+/)).toEqual([
      "/dev/pts/0",
      ..."character special file 0 ptmx".split(" "),
    ]);
    expect(await sh(store(), "", "[ -e /dev/console ] || echo none")).toBe("none");
  });

  it("gets the devices of --device, by another name too, and of a directory", async () => {
    const script = "stat -c '%n %t,%T' /dev/net/tun /dev/tunnel";
    expect(
      await sh(store(), "--device /dev/net/tun --device /dev/net/tun:/dev/tunnel:rw", script),
    ).toBe("/dev/net/tun a,c8\n/dev/tunnel a,c8");
    expect(await sh(store(), "--device /dev/net", "ls /dev/net")).toContain("tun");
  });

  it("cannot get what is no device", async () => {
    for (const path of ["/dev/no-such-device", "/etc/passwd"]) {
      const { status, stderr } = await trySh(store(), `--network none --device ${path}`, "true");
      expect(stderr).toContain(`--device ${path}`);
      expect(status).toBe(125);
    }
  });

  it("has as much shared memory as --shm-size says", async () => {
    expect(await sh(store(), "", "df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2")).toBe(
      "64000",
    );
    expect(
      await sh(
        store(),
        "--shm-size 2m",
        "df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2",
      ),
    ).toBe("2048");
  });
});

describe("/proc and /sys", () => {
  it("are of the container, with safe flags", async () => {
    await using container = await background(store(), "");
    expect(mountAt(container.pid, "/proc")).toMatchObject({
      fstype: "proc",
      options: expect.arrayContaining(["nosuid", "nodev", "noexec"]),
    });
    expect(mountAt(container.pid, "/sys")).toMatchObject({
      fstype: "sysfs",
      options: expect.arrayContaining(["ro", "nosuid", "nodev", "noexec"]),
    });
    expect(await sh(store(), "", "ls -d /proc/[0-9]*; ls /sys/class/net")).toBe("/proc/1\nlo");
  });

  it("hide what Podman hides (S15)", async () => {
    const files =
      "/proc/kcore /proc/keys /proc/timer_list /proc/interrupts /proc/latency_stats /proc/sched_debug";
    const directories =
      "/proc/acpi /proc/scsi /sys/firmware /sys/dev/block /sys/devices/virtual/powercap /sys/fs/selinux";
    expect(await sh(store(), "", `cat ${files} 2>/dev/null | wc -c`)).toBe("0");
    expect(
      await sh(store(), "", `ls ${directories} 2>/dev/null | grep -v ':$' | grep -c . || :`),
    ).toBe("0");
    // The files are the null device itself, not an image's idea of it (S6).
    expect(await sh(store(), "", "stat -c %t,%T /proc/keys")).toBe("1,3");
  });

  it("cannot be written where Podman forbids it", async () => {
    const paths = [
      "/proc/sys/kernel/domainname",
      "/proc/sysrq-trigger",
      "/proc/irq/default_smp_affinity",
    ];
    for (const path of paths) {
      const { stderr, status } = await trySh(
        store(),
        "--network none",
        `[ -e ${path} ] || exit 1; echo 1 >${path}`,
      );
      expect(stderr, path).toMatch(/^$|Read-only file system|Permission denied/);
      expect(status, path).toBe(1);
    }
    expect(await sh(store(), "", "touch /sys/x /sys/fs/cgroup/x 2>/dev/null || echo refused")).toBe(
      "refused",
    );
  });

  it("show more with unmask, less with mask", async () => {
    const visible =
      "cat /proc/timer_list | head -c 5 | wc -c; ls -d /proc/acpi/* /sys/firmware/* 2>/dev/null | wc -l";
    const [, hidden] = (await sh(store(), "", visible)).split("\n");
    expect(hidden).toBe("0");
    const keys = "stat -c %F /proc/keys";
    expect(await sh(store(), "--security-opt unmask=/proc/keys", keys)).toBe("regular empty file");
    expect(await sh(store(), "--security-opt unmask=ALL", keys)).toBe("regular empty file");
    expect(
      await sh(
        store(),
        "--security-opt mask=/etc/passwd:/usr",
        "wc -c </etc/passwd; ls /usr | wc -l",
      ),
    ).toBe("0\n0");
  });

  it("are read-only as a whole with proc-opts=ro, after the settings that are made there", async () => {
    const script =
      "cat /proc/sys/kernel/msgmax; echo 5 2>/dev/null >/proc/self/oom_score_adj || echo refused";
    const options = "--security-opt proc-opts=ro --sysctl kernel.msgmax=1000";
    expect(await sh(store(), options, script)).toBe("1000\nrefused");
  });

  it("take namespaced sysctls, and no others", async () => {
    expect(
      await sh(
        store(),
        "--sysctl net.ipv4.ip_unprivileged_port_start=80 --sysctl kernel.msgmax=1000",
        "cd /proc/sys; cat net/ipv4/ip_unprivileged_port_start kernel/msgmax",
      ),
    ).toBe("80\n1000");
    for (const setting of [
      "kernel.panic=1",
      "kernel.shm_rmid_forced=1+kernel.core_pattern=x",
      "x",
    ]) {
      const { status, stderr } = await trySh(store(), `--network none --sysctl ${setting}`, "true");
      expect(stderr).toContain("sysctl");
      expect(status).toBe(125);
    }
    const host = await trySh(store(), "--network host --sysctl net.ipv4.ip_forward=1", "true");
    expect(host.status).toBe(125);
  });
});

describe("--disable-userns", () => {
  const unfiltered = "--security-opt seccomp=unconfined";

  it("keeps everybody in the container from making user namespaces", async () => {
    const script = "unshare -Ur true && echo made || echo refused";
    expect(await sh(store(), unfiltered, script)).toBe("made");
    const asked = `${unfiltered} --disable-userns`;
    for (const more of ["", "--user 1", "--cap-add sys_admin"]) {
      expect(await sh(store(), `${asked} ${more}`, script)).toBe("refused");
    }
    const undo =
      "echo 9 >/proc/sys/user/max_user_namespaces; cat /proc/sys/user/max_user_namespaces";
    const { stdout } = await trySh(store(), `${asked} --security-opt unmask=ALL`, undo);
    expect(stdout.trim()).toBe("0");
  });

  it("is refused together with what could take it back", async () => {
    const { status, stderr } = await trySh(store(), "--privileged --disable-userns", "true");
    expect(status).toBe(125);
    expect(stderr).toContain("with CAP_SYS_RESOURCE it could be taken back");
  });
});

describe("the files of the network", () => {
  it("name the host in /etc/hosts, and what --add-host says", async () => {
    const hosts = await sh(
      store(),
      "--network slirp4netns --name me --hostname here --add-host db:192.0.2.7 --add-host six:2001:db8::1 --add-host gw:host-gateway",
      "cat /etc/hosts",
    );
    expect(hosts).toMatch(/^127\.0\.0\.1\s.*\blocalhost\b/m);
    expect(hosts).toMatch(/^192\.0\.2\.7\sdb$/m);
    expect(hosts).toMatch(/^2001:db8::1\ssix$/m);
    expect(hosts).toMatch(/^10\.0\.2\.100\shere me$/m);
    const gateway = /^(\S+)\sgw$/m.exec(hosts)?.[1] ?? "none";
    expect(hosts).toMatch(
      new RegExp(`^${gateway.replaceAll(".", "\\.")}\\s.*host\\.containers\\.internal`, "m"),
    );
  });

  it("are the image's own with --no-hosts and --dns none", async () => {
    expect(await sh(store(), "--no-hosts", "[ -e /etc/hosts ] || echo none")).toBe("none");
    expect(
      await sh(store(), "--network slirp4netns --dns none", "[ -e /etc/resolv.conf ] || echo none"),
    ).toBe("none");
  });

  it("name servers: the network's, then the host's, but none of its loopback", async () => {
    const resolv = await sh(store(), "--network slirp4netns", "cat /etc/resolv.conf");
    const servers = [...resolv.matchAll(/^nameserver (\S+)$/gm)].map((match) => match[1]);
    const reachable = [...readFileSync("/etc/resolv.conf", "utf8").matchAll(/^nameserver (\S+)$/gm)]
      .map((match) => match[1] ?? "")
      .filter((server) => !server.startsWith("127.") && server !== "::1");
    expect(servers).toEqual(["10.0.2.3", ...reachable]);
  });

  it("name what --dns, --dns-search and --dns-option say", async () => {
    expect(
      await sh(
        store(),
        "--network slirp4netns --dns 192.0.2.53 --dns=2001:db8::53 --dns-search a.example --dns-search b.example --dns-option ndots:3 --dns-opt rotate",
        "cat /etc/resolv.conf",
      ),
    ).toBe(
      "search a.example b.example\nnameserver 192.0.2.53\nnameserver 2001:db8::53\noptions ndots:3 rotate",
    );
    for (const option of ["--dns nonsense", "--add-host x:nonsense", "--add-host x"]) {
      const { status, stderr } = await trySh(store(), option, "true");
      expect(stderr).toContain(option.split(" ")[0]);
      expect(status).toBe(125);
    }
  });

  it("are read-only with --read-only, and the user's own where mounted", async () => {
    const { stderr } = await trySh(store(), "--network none --read-only", "echo x >>/etc/hosts");
    expect(stderr).toContain("Read-only file system");
    const own = join(store().scratch, "hosts");
    writeFileSync(own, "192.0.2.9 own\n");
    expect(await sh(store(), ["--volume", `${own}:/etc/hosts`], "cat /etc/hosts")).toBe(
      "192.0.2.9 own",
    );
  });
});

describe("the time zone", () => {
  it("is the image's, the host's with local, or the one of --tz", async () => {
    expect(await sh(store(), "--tz Asia/Tokyo", "date +%Z")).toBe("JST");
    expect(await sh(store(), "--tz local", "[ -e /etc/localtime ] && echo there")).toBe("there");
    const { status, stderr } = await trySh(store(), "--network none --tz Nowhere/City", "true");
    expect(stderr).toContain("Nowhere/City");
    expect(status).toBe(125);
  });
});
