import { mkdirSync, readFileSync, statSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { idMapOf, mountsOf, type NamespaceKind, namespaceOf, statusOf } from "../support/proc.ts";
import { expectedIdMap, idOutside } from "../support/subordinate-ids.ts";
import { background, sh, trySh } from "./in-container.ts";
import { tsmanPath, useStore } from "./support.ts";

const store = useStore();
const kinds: readonly NamespaceKind[] = ["user", "mnt", "pid", "uts", "ipc", "net", "cgroup"];

describe("the namespaces of a container", () => {
  it("are all its own", async () => {
    await using container = await background(store(), "");
    for (const kind of kinds) {
      expect(namespaceOf(container.pid, kind), kind).not.toBe(namespaceOf("self", kind));
    }
  });

  it("are all its own with the default network too", async () => {
    await using container = await background(store(), "--network slirp4netns");
    for (const kind of kinds) {
      expect(namespaceOf(container.pid, kind), kind).not.toBe(namespaceOf("self", kind));
    }
  });

  it.each([
    ["--pid", "pid"],
    ["--ipc", "ipc"],
    ["--uts", "uts"],
    ["--network", "net"],
    ["--cgroupns", "cgroup"],
  ] as const)("are the host's with %s host, and only that one", async (option, shared) => {
    await using container = await background(store(), `${option} host`);
    for (const kind of kinds) {
      const isShared = namespaceOf(container.pid, kind) === namespaceOf("self", kind);
      expect(isShared, kind).toBe(kind === shared);
    }
  });

  it("are another container's with container:NAME", async () => {
    await using first = await background(store(), "--name first --hostname first-host");
    await using second = await background(
      store(),
      "--pid container:first --ipc container:first --uts container:first --network container:first",
    );
    for (const kind of kinds) {
      const isShared = namespaceOf(first.pid, kind) === namespaceOf(second.pid, kind);
      expect(isShared, kind).toBe(kind !== "mnt" && kind !== "cgroup");
    }
    const seen = await sh(
      store(),
      "--pid container:first --uts container:first",
      "tr '\\0' ' ' </proc/1/cmdline; hostname",
    );
    expect(seen).toBe("sleep 1000 first-host");
  });

  it("are another container's control groups with --cgroupns container:NAME, and only these", async () => {
    await using first = await background(store(), "--name grouped");
    await using second = await background(store(), `--name guest --cgroupns container:${first.id}`);
    for (const kind of kinds) {
      const isShared = namespaceOf(first.pid, kind) === namespaceOf(second.pid, kind);
      // The user namespace owns it.
      expect(isShared, kind).toBe(kind === "cgroup" || kind === "user");
    }
    const format = "{{.HostConfig.CgroupMode}} {{.Dependencies}}";
    const { stdout } = await store().succeed(["inspect", "--format", format, "guest"]);
    expect(stdout).toBe(`container:${first.id} [${first.id}]\n`);
    const used = await store().run(["rm", "--force", "grouped"]);
    expect(used.stderr).toContain("it is needed by guest");
    const nowhere = await trySh(store(), "--cgroupns ns:/no/such/namespace", "true");
    expect(nowhere.status).toBe(125);
    expect(nowhere.stderr).toContain(
      "open /no/such/namespace (--cgroupns ns:/no/such/namespace): no such file or directory",
    );
    // Somebody who has none of its own has the host's to give.
    await using third = await background(store(), "--cgroupns host");
    await using fourth = await background(store(), `--cgroupns container:${third.id}`);
    expect(namespaceOf(fourth.pid, "cgroup")).toBe(namespaceOf("self", "cgroup"));
  });

  it("are joined with the shared memory and the message queues of --ipc container:NAME", async () => {
    await using first = await background(store(), "--name with-memory --shm-size 3m");
    await store().succeed([
      ...`exec ${first.id} sh -c`.split(" "),
      "echo first >/dev/shm/said; touch /dev/mqueue/queue",
    ]);
    const seen = await sh(
      store(),
      `--ipc container:${first.id}`,
      "cat /dev/shm/said; ls /dev/mqueue; echo second >/dev/shm/answered; grep -c /dev/shm /proc/mounts; grep /dev/shm /proc/mounts",
    );
    expect(seen).toMatch(
      /^first\nqueue\n1\nshm \/dev\/shm tmpfs rw,nosuid,nodev,noexec,[^\n]*size=3072k/,
    );
    const { stdout } = await store().succeed(`exec ${first.id} cat /dev/shm/answered`.split(" "));
    expect(stdout).toBe("second\n");
    // What the second one does to its mounts is its own affair.
    await sh(store(), `--cap-add SYS_ADMIN --ipc container:${first.id}`, "umount /dev/shm");
    await store().succeed(`exec ${first.id} test -e /dev/shm/said`.split(" "));
    await using third = await background(store(), `--ipc container:${first.id}`);
    expect(await sh(store(), `--ipc container:${third.id}`, "cat /dev/shm/said")).toBe("first");
  });

  it("are joined without the memory when the container has another /dev/shm mounted", async () => {
    await using first = await background(store(), "--name own-memory");
    await store().succeed(`exec ${first.id} touch /dev/shm/said`.split(" "));
    const own = await sh(store(), `--ipc container:${first.id} --tmpfs /dev/shm`, "ls /dev/shm");
    expect(own).toBe("");
  });

  it("outlive the container whose memory they share", async () => {
    const first = await background(store(), "--name mortal");
    await using second = await background(store(), `--ipc container:${first.id}`);
    await store().succeed(`exec ${first.id} sh -c`.split(" ").concat("echo a >/dev/shm/kept"));
    await store().succeed(`kill ${first.id}`.split(" "));
    const { stdout } = await store().succeed(`exec ${second.id} cat /dev/shm/kept`.split(" "));
    expect(stdout).toBe("a\n");
    await second[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
  });

  it.each([
    ["--pid", "pid"],
    ["--ipc", "ipc"],
    ["--uts", "uts"],
    ["--network", "net"],
  ] as const)(
    "are the host's with %s container:NAME of a container that has the host's",
    async (option, shared) => {
      await using first = await background(store(), `${option} host`);
      await using second = await background(store(), `${option} container:${first.id}`);
      for (const kind of kinds) {
        const isShared = namespaceOf(second.pid, kind) === namespaceOf("self", kind);
        expect(isShared, kind).toBe(kind === shared);
      }
      await using third = await background(store(), `${option} container:${second.id}`);
      expect(namespaceOf(third.pid, shared)).toBe(namespaceOf("self", shared));
    },
  );

  it("are joined by path, also when only a bind mount keeps them alive", {
    timeout: 120_000,
  }, async () => {
    const kept = join(store().scratch, "kept");
    const script = [
      'mkfifo "$2"',
      "unshare --net --uts --ipc sh -c 'hostname of-others; echo made; exec sleep 1000' >\"$2\" & pid=$!",
      // Until all of it is there.
      'read -r line <"$2"; touch "$1"; mount --bind /proc/$pid/ns/net "$1"',
      'readlink /proc/$pid/ns/net; "$3" run --rm --network "ns:/proc/$pid/ns/net" busybox readlink /proc/self/ns/net',
      'readlink /proc/$pid/ns/ipc; "$3" run --rm --network none --ipc "ns:/proc/$pid/ns/ipc" busybox readlink /proc/self/ns/ipc',
      '"$3" run --rm --network none --uts "ns:/proc/$pid/ns/uts" busybox hostname',
      'kill $pid; wait $pid; "$3" run --rm --network "ns:$1" busybox readlink /proc/self/ns/net; umount "$1"',
    ].join("\n");
    const fifo = join(store().scratch, "made");
    const { stdout } = await store().succeed([
      "unshare",
      "sh",
      "-c",
      script,
      "sh",
      kept,
      fifo,
      tsmanPath,
    ]);
    const [net, joined, ipc, joinedIpc, name, ofBindMount] = stdout.trim().split("\n");
    expect(net).toMatch(/^net:/);
    expect([joined, ofBindMount]).toEqual([net, net]);
    expect(ipc).toMatch(/^ipc:/);
    expect(joinedIpc).toBe(ipc);
    expect(name).toBe("of-others");
  });

  it.each([
    ["ns:", 125, "the namespace's path is missing"],
    [
      "ns:/nonexistent",
      125,
      "open /nonexistent (--network ns:/nonexistent): no such file or directory",
    ],
    ["ns:/etc/passwd", 125, "it is no namespace"],
    ["ns:/proc/self/ns/uts", 125, "it is no network namespace"],
    ["ns:/proc/self/ns/net", 125, "it belongs to a user namespace that gives no rights here"],
  ])("are refused by their path: --network %s", async (network, expected, why) => {
    const { status, stderr } = await store().run([
      "run",
      "--rm",
      "--network",
      network,
      "busybox",
      "true",
    ]);
    expect(stderr).toContain(why);
    expect(status).toBe(expected);
  });

  it("are joined with the network's hosts and resolv.conf", async () => {
    await using first = await background(
      store(),
      "--name with-dns --network slirp4netns --dns 192.0.2.53 --add-host there:192.0.2.1",
    );
    const files = await sh(
      store(),
      `--network container:${first.id}`,
      "cat /etc/resolv.conf /etc/hosts; ip -4 addr show tap0",
    );
    expect(files).toContain("nameserver 192.0.2.53");
    expect(files).toContain("192.0.2.1\tthere");
    expect(files).toContain("10.0.2.100/24");
  });

  it("cannot be joined when that container does not exist, cannot start, or is another one", async () => {
    const missing = await trySh(store(), "--pid container:nobody", "true");
    expect(missing.stderr).toContain("container nobody: no such container");
    expect(missing.status).toBe(125);

    await store().succeed("create --name unable --network none busybox /no-such".split(" "));
    const unable = await trySh(store(), "--network none --pid container:unable", "true");
    expect(unable.stderr).toContain("start what it needs, unable: run /no-such: no such program");
    expect(unable.status).toBe(127);

    const two = await trySh(store(), "--pid container:unable --ipc container:first", "true");
    expect(two.stderr).toContain("unable and first");
    expect(two.status).toBe(125);
  });
});

describe("the id mapping", () => {
  it("gives 0 to the caller and the rest to the subordinate range", async () => {
    await using container = await background(store(), "");
    for (const kind of ["uid", "gid"] as const) {
      expect(idMapOf(container.pid, kind)).toEqual(expectedIdMap(kind));
    }
    expect(readFileSync(`/proc/${container.pid}/setgroups`, "utf8")).toBe("allow\n");
  });

  it("decides whose files are written outside", async () => {
    const directory = join(store().scratch, "owners");
    mkdirSync(directory, { mode: 0o777 });
    await sh(
      store(),
      ["--volume", `${directory}:/out`],
      "touch /out/root; touch /out/user; chown 1000:2000 /out/user",
    );
    const own = process.getuid?.();
    expect(statSync(join(directory, "root"))).toMatchObject({ uid: own, gid: process.getgid?.() });
    expect(statSync(join(directory, "user"))).toMatchObject({
      uid: idOutside("uid", 1000),
      gid: idOutside("gid", 2000),
    });
  });

  it("is the caller's own id inside with --userns keep-id", async () => {
    const uid = process.getuid?.() ?? 0;
    const gid = process.getgid?.() ?? 0;
    await using container = await background(store(), "--userns keep-id");
    expect(statusOf(container.pid).Uid).toBe(`${uid}\t${uid}\t${uid}\t${uid}`);
    expect(idMapOf(container.pid, "uid")).toContainEqual({ inside: uid, outside: uid, count: 1 });
    const script = "id -u; id -g; touch /tmp/x; stat -c '%u %g' /tmp/x /bin/busybox";
    expect(await sh(store(), "--userns keep-id", script)).toBe(
      `${uid}\n${gid}\n${uid} ${gid}\n0 0`,
    );
  });

  it("has the caller's name with --userns keep-id, unless the image has given it away", async () => {
    const { username, uid } = userInfo();
    const entry = `${username}:x:${uid}:`;
    expect(await sh(store(), "--userns keep-id", "id -un; tail -n 1 /etc/passwd")).toMatch(
      new RegExp(`^${username}\n${entry}`),
    );
    expect(await sh(store(), "--userns keep-id -u 0", "id -un")).toBe("root");
  });

  it("is a chosen id with --userns keep-id:uid=,gid=, and -u goes before it", async () => {
    const script = "id -u; id -g; head -n 1 /proc/self/uid_map | tr -s ' '";
    const first = idOutside("uid", 1);
    expect(await sh(store(), "--userns keep-id:uid=500,gid=600", script)).toBe(
      `500\n600\n 0 ${first} 500`,
    );
    expect(await sh(store(), "--userns keep-id:uid=500,gid=600 -u 0", "id -u")).toBe("0");
  });

  it("leaves the caller's id out with --userns nomap", async () => {
    await using container = await background(store(), "--userns nomap");
    const [line, ...others] = idMapOf(container.pid, "uid");
    expect(others).toEqual([]);
    expect(line).toMatchObject({ inside: 0, outside: idOutside("uid", 1) });
  });

  it("of an unknown mode is refused", async () => {
    for (const mode of ["keep-id:uid=x", "keep-id:size=1", "auto:nonsense=1", "nonsense"]) {
      const { status, stderr } = await trySh(store(), `--userns ${mode}`, "true");
      expect(stderr).toMatch(/--userns/);
      expect(status).toBe(125);
    }
  });
});

describe("the mount namespace", () => {
  it("neither shows its mounts to the host nor the host's new ones to it (S14)", async () => {
    await using container = await background(store(), "");
    for (const mount of mountsOf(container.pid)) {
      const shared = mount.propagation.filter((word) => /^(shared|master)/.test(word));
      expect(shared, mount.mountPoint).toEqual([]);
    }
  });
});

describe("the host name", () => {
  it("is the beginning of the id, or --hostname, or the host's with --uts host", async () => {
    await using container = await background(store(), "");
    const { stdout } = await store().succeed([
      ..."run --rm --network none --uts".split(" "),
      `container:${container.id}`,
      ..."busybox hostname".split(" "),
    ]);
    expect(stdout.trim()).toBe(container.id.slice(0, 12));
    expect(await sh(store(), "--hostname a.example", "hostname; cat /etc/hostname")).toBe(
      "a.example\na.example",
    );
    expect(await sh(store(), "--uts host", "hostname")).toBe(hostname());
  });

  it("cannot be chosen for the host, and not be any text", async () => {
    const host = await trySh(store(), "--uts host --hostname x", "true");
    expect(host.stderr).toContain("--uts host");
    expect(host.status).toBe(125);
    const text = await trySh(store(), ["--hostname", "a b"], "true");
    expect(text.stderr).toContain("--hostname");
    expect(text.status).toBe(125);
  });
});
