import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import { requires } from "../support/must-work.ts";
import { childrenOf, findProcesses, statusOf } from "../support/proc.ts";
import { expectedIdMap } from "../support/subordinate-ids.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { Transcript, until } from "../support/wait.ts";
import { useDriver, useStore } from "./support.ts";
import { processesOf } from "./traces.ts";
import { runWrapped } from "./wrapped.ts";

const store = useStore();
const words = (text: string) => text.split(" ");
let directories = 0;

// Of the containers that a test has left running.
afterAll(async () => {
  await store().succeed(["rm", "--force", "--time", "0", "--all"]);
});

/** A new directory with these files. */
function tree(files: Readonly<Record<string, string>>): string {
  directories += 1;
  const root = join(store().scratch, `tree-${directories}`);
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

async function background(name: string, ...options: string[]): Promise<void> {
  await store().succeed([
    ...words(`run -d --quiet --replace --stop-timeout 0 --network none --name ${name}`),
    ...options,
    ...words("busybox sleep 1000"),
  ]);
}

const changes =
  "echo new >/etc/new; rm /etc/passwd; rm -r /var; mkdir /var; echo k >/var/k; chmod 600 /etc/group; " +
  "mkdir /srv; echo a >/srv/a; ln /srv/a /srv/b; chown 3:4 /srv/a; chmod 4711 /srv/a; " +
  "ln -s a /srv/l; mkfifo /srv/p; touch -d @1000000000 /srv/a";

/** Whether a process has waited for a child, however short that lived: it counts its page faults. */
function hadChildren(pid: number): boolean {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  // proc_pid_stat(5): cminflt, of the fields from the third on.
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[8]) > 0;
}

it("waits for another command that works on the container, and loses nothing meanwhile", async () => {
  await store().succeed(words("create --name busy --network none busybox true"));
  const { stdout } = await store().succeed(words("inspect --format {{.Id}} busy"));
  const runDir = join(store().runtimeDir, stdout.trim());
  mkdirSync(runDir, { recursive: true });
  const holder = spawn("flock", [join(runDir, "lock"), "sh", "-c", "echo held; read _"]);
  const held = new Transcript(holder.stdout);
  await held.until("held");
  const root = tree({ page: "hello\n" });
  const copy = store().start(["cp", join(root, "page"), "busy:/page"]);
  // Whoever reads the file has done so, and is gone, before anybody can write it.
  await until("the reader to have ended", () =>
    hadChildren(copy.pid) && childrenOf(copy.pid).length === 0 ? true : undefined,
  );
  holder.stdin.end("\n");
  expect(await copy.ended).toMatchObject({ status: 0, stderr: "" });
  const back = await store().succeed(words("cp busy:/page -"));
  expect(back.stdout).toContain("hello\n");
});

describe.each(["overlay", "fuse-overlayfs", "copy"])("with the driver %s", (driver) => {
  it("changes are listed, exported, committed and copied alike", async (context) => {
    requires(context, driver !== "fuse-overlayfs" || existsSync("/dev/fuse"), "no /dev/fuse");
    await store().succeed(words("images --quiet"));
    useDriver(store(), driver);
    const name = `files-${driver}`;
    await store().succeed([
      ...words(`run --quiet --network none --name ${name} busybox sh -c`),
      changes,
    ]);
    const { stdout: diff } = await store().succeed(["diff", name]);
    expect(diff.trim().split("\n")).toEqual([
      "C /etc",
      "C /etc/group",
      "A /etc/new",
      "D /etc/passwd",
      "A /srv",
      "A /srv/a",
      "A /srv/b",
      "A /srv/l",
      "A /srv/p",
      "C /var",
      "A /var/k",
      "D /var/tmp",
    ]);
    const json = JSON.parse((await store().succeed(["diff", "--format=json", name])).stdout);
    expect(json.deleted).toEqual(["/etc/passwd", "/var/tmp"]);
    const archive = join(store().scratch, `${name}.tar`);
    await store().succeed(["export", "-o", archive, name]);
    const { stdout: listing } = spawnSync("tar", ["-tvf", archive], { encoding: "utf8" });
    expect(listing).toMatch(/-rws--x--x 3\/4 .* srv\/a\n/);
    expect(listing).toMatch(/h.* srv\/b link to srv\/a\n/);
    expect(listing).not.toContain("etc/passwd");
    await store().succeed(["commit", "--quiet", name, `localhost/${name}`]);
    const { stdout } = await store().succeed([
      ...words(`run --rm --quiet --network none localhost/${name} sh -c`),
      "stat -c '%n %a %u:%g %h %Y' /srv/a; ls /var /etc; readlink /srv/l; stat -c %F /srv/p",
    ]);
    // A copy of layers has files of their own for hard links.
    const links = driver === "copy" ? 1 : 2;
    expect(stdout).toContain(`/srv/a 4711 3:4 ${links} 1000000000\n`);
    expect(stdout.split("\n")).toEqual(expect.arrayContaining(["k", "new", "a", "fifo"]));
    expect(stdout).not.toMatch(/^passwd$|^tmp$/m);
    const source = tree({ "d/f": "copied\n" });
    await store().succeed(["cp", `${source}/d`, `${name}:/srv`]);
    await store().succeed(["cp", `${name}:/srv/d/f`, join(source, "back")]);
    expect(readFileSync(join(source, "back"), "utf8")).toBe("copied\n");
    const running = `running-${driver}`;
    await background(running);
    await store().succeed(["cp", `${source}/d`, `${running}:/srv`]);
    const { stdout: seen } = await store().succeed(["exec", running, "cat", "/srv/f"]);
    expect(seen).toBe("copied\n");
    await store().succeed(words(`rm --force --time 0 ${running}`));
    useDriver(store(), "overlay");
  });
});

describe("export and import", () => {
  /** cap_net_raw=ep: VFS_CAP_REVISION_2 of linux/capability.h. */
  const netRaw = Buffer.from("0100000200200000000000000000000000000000", "hex");

  it("give back byte for byte what they took, however odd the files", async () => {
    const odd = new TarBuilder()
      .dir("srv/odd", { mode: 0o3777, uid: 7, gid: 9, mtime: { seconds: 1, nanoseconds: 5e8 } })
      .file("srv/odd/set", "x", {
        ...{ mode: 0o6751, uid: 65_534, gid: 1, mtime: { seconds: 1e9, nanoseconds: 25 } },
        xattrs: { "user.note": "note", "security.capability": netRaw },
      })
      .hardlink("srv/odd/hard", "srv/odd/set")
      .file(`srv/odd/${"n".repeat(200)}`, "long")
      .file(Buffer.from('srv/odd/\xff\n "\\', "latin1"), "bytes")
      .symlink("srv/odd/link", `${"../".repeat(40)}nowhere`, { uid: 3 })
      .fifo("srv/odd/pipe", { mode: 0o600 })
      .file("srv/odd/before", "", { mtime: { seconds: -5 } })
      .file("srv/odd/later", "", { mtime: { seconds: 5e9 } });
    const root = tree({});
    const first = join(root, "first");
    const second = join(root, "second");
    await store().succeed(words("create --name origin --network none busybox true"));
    const copy = words("cp --archive=false - origin:/");
    await store().succeed(copy, { input: odd.build() });
    await store().succeed(["export", "-o", first, "origin"]);
    await store().succeed(["import", "--quiet", first, "localhost/origin"]);
    await store().succeed(words("create --name replica --network none localhost/origin true"));
    await store().succeed(["export", "-o", second, "replica"]);
    expect(spawnSync("cmp", [first, second]).status).toBe(0);
    const listing = spawnSync("tar", ["-tvf", first], { encoding: "utf8" }).stdout;
    expect(listing).toMatch(/^drwxrwsrwt\s*7\/9 .* srv\/odd\/$/m);
    const archive = readFileSync(first);
    expect(archive.includes("SCHILY.xattr.user.note=note\n")).toBe(true);
    expect(archive.includes(`SCHILY.xattr.security.capability=${netRaw.toString("latin1")}`)).toBe(
      true,
    );
    const look = "stat -c '%a %u:%g %h %Y' /srv/odd/set; cat /srv/odd/n*";
    const run = words("run --rm --network none localhost/origin sh -c");
    expect((await store().succeed([...run, look])).stdout).toBe("6751 65534:1 2 1000000000\nlong");
  });
});

describe("an archive whose reader has had enough", () => {
  it.each([
    ["export", "export unread"],
    ["cp", "cp unread:/ -"],
  ])("ends %s with an error that is no defect", async (_, command) => {
    await store().succeed(words("create --name unread --replace --network none busybox true"));
    // The shell's own pipe: the reader takes one byte, and the archive is larger than a pipe.
    const pipe = '{ "$@"; echo "status $?" >&2; } | head -c 1 >&2';
    const wrapper = ["sh", "-c", pipe, "sh"] as const;
    const { stderr } = await runWrapped(store(), wrapper, words(command));
    expect(stderr).toContain("write the archive: nobody reads it any more");
    expect(stderr).not.toContain("defect");
    expect(stderr).toContain("status 125\n");
    await store().succeed(words("rm unread"));
  });
});

describe("cp", () => {
  it("takes and gives archives, and refuses to mix them up with a terminal", async () => {
    await background("archives");
    const { stdoutBytes } = await store().succeed(["cp", "archives:/etc/group", "-"]);
    // Where holes are is believed of our own other end only.
    const claim = new TarBuilder().pax([["TSMAN.layout", "5000 4000 3"]]).file("claim", "abc");
    await store().succeed(["cp", "-", "archives:/mnt"], { input: claim.build() });
    expect((await store().succeed(words("exec archives cat /mnt/claim"))).stdout).toBe("abc");
    await store().succeed(words("exec archives rm /mnt/claim"));
    await store().succeed(["cp", "-", "archives:/mnt"], { input: stdoutBytes });
    const { stdout } = await store().succeed(words("exec archives ls /mnt"));
    expect(stdout).toBe("group\n");
    expect((await store().run(words("cp - archives:/nosuch"), { input: stdoutBytes })).status).toBe(
      125,
    );
    const session = store().terminal(words("cp archives:/etc -"));
    expect(await session.exited).toMatchObject({ status: 125 });
  });

  it("keeps names that are no text", async () => {
    await background("names");
    const odd = Buffer.from("odd\xff\n name\x01 'q", "latin1");
    const source = Buffer.from(tree({}));
    writeFileSync(Buffer.concat([source, Buffer.from("/"), odd]), "x\n");
    await store().succeed(["cp", source.toString(), "names:/odd"]);
    const out = tree({});
    await store().succeed(["cp", "names:/odd", `${out}/back`]);
    expect(readdirSync(`${out}/back`, { encoding: "buffer" })).toEqual([odd]);
    // As an argument, too: the shell hands over the bytes.
    const script = `exec "$0" cp "names:/odd/$(printf 'odd\\377\\n name\\001 '"'"'q')" ${out}/one`;
    const { status, stderr } = await runWrapped(store(), ["sh", "-c", script], []);
    expect([status, stderr]).toEqual([0, ""]);
    expect(readFileSync(`${out}/one`, "utf8")).toBe("x\n");
  });

  it("reaches volumes, bound directories and a tmpfs, and volumes of what does not run", async () => {
    const shared = tree({});
    const options = ["-v", "files-volume:/v", "-v", `${shared}:/b`, "--tmpfs", "/t"];
    await background("mounts", ...options);
    const file = join(tree({ f: "x\n" }), "f");
    for (const to of ["/v", "/b", "/t"]) await store().succeed(["cp", file, `mounts:${to}`]);
    const { stdout } = await store().succeed(words("exec mounts cat /v/f /b/f /t/f"));
    expect(stdout).toBe("x\nx\nx\n");
    expect(lstatSync(join(shared, "f")).isFile()).toBe(true);
    await store().succeed(words("stop --time 0 mounts"));
    await store().succeed(["cp", file, "mounts:/v/g"]);
    await store().succeed(words("start mounts"));
    expect((await store().succeed(words("exec mounts cat /v/g"))).stdout).toBe("x\n");
    await store().succeed(words("stop --time 0 mounts"));
    const refused = await store().run(["cp", file, "mounts:/t"]);
    expect(refused.stderr).toContain("tmpfs, which exists only while it runs");
  });

  it("makes holes of zeros, so that a sparse file fills no disk", async () => {
    const root = tree({});
    const file = join(root, "sparse");
    const size = 128 * 1024 ** 2 + 3;
    const fd = openSync(file, "w");
    for (const at of [0, 50_000_001, size - 4]) writeSync(fd, "data", at);
    closeSync(fd);
    await background("sparse");
    await store().succeed(["cp", file, "sparse:/tmp"]);
    await store().succeed(["cp", "sparse:/tmp/sparse", join(root, "back")]);
    expect(statSync(join(root, "back")).blocks).toBeLessThan(200);
    expect(spawnSync("cmp", [file, join(root, "back")]).status).toBe(0);
    await store().succeed(["commit", "--quiet", "sparse", "localhost/sparse"]);
    const look = "stat -c '%s %b' /tmp/sparse; tail -c 4 /tmp/sparse";
    const looks = [["exec", "sparse"], words("run --rm --quiet --network none localhost/sparse")];
    for (const driver of ["overlay", "copy"]) {
      useDriver(store(), driver);
      for (const command of looks) {
        const { stdout } = await store().succeed([...command, "sh", "-c", look]);
        const [, total, blocks] = /^(\d+) (\d+)\ndata$/.exec(stdout) ?? [];
        expect([driver, total]).toEqual([driver, String(size)]);
        // Of 512 bytes: three blocks of data, whatever the file system adds to tell where they are.
        expect(Number(blocks)).toBeLessThan(200);
      }
    }
    useDriver(store(), "overlay");
  });

  it("copies 10 GB of holes both ways in no time, and the data at their edges", async () => {
    const root = tree({});
    const file = join(root, "disk");
    const size = 10 * 1024 ** 3;
    const fd = openSync(file, "w");
    for (const at of [0, size / 2 + 1, size - 4]) writeSync(fd, "data", at);
    closeSync(fd);
    await background("holes");
    await store().succeed(["cp", file, "holes:/tmp/disk"]);
    await store().succeed(["cp", "holes:/tmp/disk", "holes:/tmp/again"]);
    await store().succeed(["cp", "holes:/tmp/again", join(root, "back")]);
    const status = statSync(join(root, "back"));
    expect([status.size, status.blocks < 200]).toEqual([size, true]);
    const back = openSync(join(root, "back"), "r");
    const read = (position: number) => {
      const buffer = Buffer.alloc(6);
      const count = readSync(back, buffer, 0, 6, position);
      return buffer.toString("latin1", 0, count);
    };
    expect([read(0), read(size / 2), read(size - 6)]).toEqual([
      ...["data\0\0", "\0data\0", "\0\0data"],
    ]);
    closeSync(back);
    // Whoever reads an archive gets it as everybody understands it, holes and all.
    await store().succeed(["exec", "holes", "sh", "-c", "cd /tmp; rm *; truncate -s 5M zeros"]);
    const archive = join(root, "archive.tar");
    await store().succeed(["export", "-o", archive, "holes"]);
    const listed = spawnSync("tar", ["-tvf", archive, "tmp/zeros"], { encoding: "utf8" });
    expect(listed.stdout).toContain(` ${5 * 1024 ** 2} `);
    const restored = spawnSync("tar", ["-xf", archive, "-C", root, "tmp/zeros"]);
    expect(restored.status).toBe(0);
    expect(readFileSync(join(root, "tmp/zeros")).equals(Buffer.alloc(5 * 1024 ** 2))).toBe(true);
  });

  it("gives files to the container's user, or keeps their owners", async () => {
    await background("owners", "--user", "33:33");
    const file = join(tree({ f: "x\n" }), "f");
    await store().succeed(["cp", file, "owners:/tmp/own"]);
    await store().succeed(["cp", "--archive=false", file, "owners:/tmp/kept"]);
    const { stdout } = await store().succeed(
      words("exec -u 0 owners stat -c %u:%g /tmp/own /tmp/kept"),
    );
    expect(stdout).toBe("33:33\n0:0\n");
  });
});

describe("without subordinate ids", () => {
  it("files are copied, exported and committed, with the owners that the image wanted", async () => {
    const script = 'exec "$@"';
    const wrapper = ["unshare", "--map-root-user", "sh", "-c", script, "sh"] as const;
    const single = async (...args: string[]) => await runWrapped(store(), [...wrapper], args);
    const made = await single(
      ...words("run --quiet --network none --name single busybox sh -c"),
      "echo x >/f; rm /etc/passwd",
    );
    expect([made.status, made.stderr]).toEqual([0, expect.any(String)]);
    const out = tree({});
    expect((await single("cp", "single:/f", `${out}/f`)).status).toBe(0);
    expect((await single("cp", `${out}/f`, "single:/g")).status).toBe(0);
    const { stdout } = await single("diff", "single");
    expect(stdout).toContain("D /etc/passwd\nA /f\nA /g\n");
    expect((await single("commit", "--quiet", "single", "localhost/single")).status).toBe(0);
    await single("rm", "single");
  });
});

describe("looking from the inside", () => {
  it("unshare has the containers' ids, and mount works within it only", async () => {
    await store().succeed([
      ...words("run --quiet --network none --name inside busybox sh -c"),
      "echo x >/x; chown 5:6 /x",
    ]);
    const map = await store().succeed(words("unshare cat /proc/self/uid_map"));
    const lines = expectedIdMap("uid").map((one) => [one.inside, one.outside, one.count].join(" "));
    expect(
      map.stdout
        .trim()
        .split("\n")
        .map((line) => line.trim().replace(/ +/g, " ")),
    ).toEqual(lines);
    expect((await store().run(["unshare", "sh", "-c", "exit 7"])).status).toBe(7);
    // /root in PATH, which an ordinary user may not search, does not make it another error.
    const env = { PATH: `/root/bin:${process.env.PATH}` };
    const unknown = await store().run(["unshare", "no-such-program"], { env });
    expect(unknown).toMatchObject({ status: 127, stdout: "" });
    expect(unknown.stderr).toContain("run no-such-program: not found in PATH");
    expect((await store().run(["unshare", "/etc"])).status).toBe(126);
    const outside = await store().run(words("mount inside"));
    expect(outside.status).toBe(125);
    expect(outside.stderr).toContain("tsman unshare");
    const script =
      'p=$("$0" mount --latest); stat -c %u:%g "$p/x"; "$0" mount; "$0" unmount inside; ls "$p"; ' +
      '"$0" mount -l >/dev/null; "$0" unmount -l';
    const mounted = await store().succeed(["unshare", "sh", "-c", script, tsman()]);
    expect(mounted.stdout).toMatch(/^5:6\n[0-9a-f]{12} \/.*\/merged\ninside\n[0-9a-f]{64}\n$/);
    expect((await store().succeed(["mount"])).stdout).toBe("");
  });

  it("mount with fuse-overlayfs ends with the session, and keeps what was changed", async (context) => {
    requires(context, existsSync("/dev/fuse"), "no /dev/fuse");
    await store().succeed(words("images --quiet"));
    useDriver(store(), "fuse-overlayfs");
    const run = words("run --quiet --network none --name fused busybox sh -c");
    await store().succeed([...run, "echo x >/x; chown 5:6 /x"]);
    await background("fused-up");
    useDriver(store(), "overlay");
    const changed =
      'p=$("$0" mount fused); stat -c %u:%g "$p/x"; echo new >"$p/y"; u=$("$0" mount fused-up); ' +
      'cat "$u/etc/passwd" | head -n 1; echo no 2>&- >"$u/z" || echo read-only';
    const fuses = () =>
      findProcesses(
        (pid) => statusOf(pid).Name === "fuse-overlayfs" && processesOf(store()).includes(pid),
      );
    const fuseEnds = async () =>
      await until("fuse-overlayfs to end", () => fuses().length === 0 || undefined);
    const session = store().start(["unshare", "sh", "-c", `${changed}; read _`, tsman()]);
    await session.stdout.until("read-only\n");
    expect(fuses().length).toBeGreaterThanOrEqual(2);
    session.endInput();
    const { stdout } = await session.ended;
    expect(stdout).toMatch(/^5:6\nroot:.*\nread-only\n$/);
    await store().succeed(words("rm --force --time 0 fused-up"));
    await fuseEnds();
    expect((await store().succeed(words("cp fused:/y -"))).stdout).toContain("new\n");
    const taken = '"$0" mount fused >/dev/null; "$0" unmount fused; "$0" mount';
    expect((await store().succeed(["unshare", "sh", "-c", taken, tsman()])).stdout).toBe("fused\n");
    await fuseEnds();
    await store().succeed(words("rm fused"));
  });

  it("namespaces shows owner, creator, parent and ids of what runs", async () => {
    await background("spaces");
    const { stdout } = await store().succeed(words("namespaces --format json spaces"));
    const found = JSON.parse(stdout) as Record<string, unknown>[];
    const byType = new Map(found.map((one) => [one.type, one]));
    const user = byType.get("user");
    expect(user).toMatchObject({
      creator: process.getuid?.(),
      isHost: false,
      containers: ["spaces"],
    });
    for (const type of ["mnt", "pid", "net", "ipc", "uts"]) {
      expect(byType.get(type)).toMatchObject({ owner: user?.inode, isHost: false });
    }
    expect(user?.uidMap).toEqual(
      expectedIdMap("uid").map((one) => [one.inside, one.outside, one.count].join(" ")),
    );
    await store().succeed(words("rm --force --time 0 spaces"));
    expect((await store().run(words("namespaces spaces"))).status).toBe(125);
  });
});

function tsman(): string {
  return join(import.meta.dirname, "../../bin/tsman");
}
