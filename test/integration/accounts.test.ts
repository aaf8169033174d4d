import { mkdirSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { background, sh, trySh } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();

describe("lines of accounts", () => {
  it("are not added with --passwd=false", async () => {
    const script = "grep -c -e 4321 -e 4322 /etc/passwd /etc/group";
    expect(await sh(store(), "--user 4321:4322 --passwd=false", `${script} || true`)).toBe(
      "/etc/passwd:0\n/etc/group:0",
    );
    expect(await sh(store(), "--user 4321:4322", script)).toBe("/etc/passwd:1\n/etc/group:1");
  });

  it("are what --explain says", async () => {
    const explain = async (...options: readonly string[]) => {
      const run = "run --explain --network none".split(" ");
      return (await store().succeed([...run, ...options, "busybox"])).stdout;
    };
    expect(await explain("--passwd=false")).toMatch(/no line in \/etc\/passwd .*--passwd=false/);
    const formed = await explain("--passwd-entry", "$UID:x", "--hostuser", "0");
    expect(formed).toMatch(/the line \$UID:x in \/etc\/passwd, .*--passwd-entry/);
    expect(formed).toMatch(/the line 0:x in \/etc\/passwd, .*--hostuser root/);
    expect(await explain()).toMatch(/ a line in \/etc\/group, if it has none for the group/);
  });

  it("have the form of --passwd-entry and --group-entry, at each start once", async () => {
    const form = "$USERNAME-x:*:$UID:$GID:$NAME:$HOME:/bin/ash";
    await store().succeed([
      ..."create --name formed --network none --user 4321:4322 --passwd-entry".split(" "),
      ...[form, "--group-entry", "g$GROUPNAME:*:$GID:$USERLIST", "busybox"],
      ...["sh", "-c", "grep 4321-x /etc/passwd; grep 4322 /etc/group"],
    ]);
    const line = "4321-x:*:4321:4322:container user:/:/bin/ash\ng4322:*:4322:4321\n";
    for (const _life of [1, 2]) {
      expect((await store().succeed(["start", "--attach", "formed"])).stdout).toBe(line);
    }
    await store().succeed(["rm", "formed"]);
  });

  it("that are asked for and cannot be added are a failure that says why", async () => {
    const { status, stderr } = await trySh(
      store(),
      "--network none --user 4321 --passwd-entry $UID:x: --tmpfs /etc",
      "echo ran",
    );
    expect(status).toBe(125);
    expect(stderr).toContain("append to /etc/passwd");
    expect(stderr).toContain("leave --hostuser");
  });

  it("are those of the host's users, whom the program may run as, on a read-only root too", async () => {
    const { username, uid, gid } = userInfo();
    const options = `--read-only --hostuser ${username} --user ${username} --workdir /tmp`;
    expect(await sh(store(), options, "tail -1 /etc/passwd; id -u; touch /x 2>&1; true")).toMatch(
      new RegExp(
        `^${username}:\\*:${uid}:${gid}:[^:]*:/tmp:/bin/sh\\n${uid}\\ntouch: /x: Read-only`,
      ),
    );
    const unknown = await trySh(store(), "--hostuser no-such-user", "true");
    expect(unknown.status).toBe(125);
    expect(unknown.stderr).toContain("use --hostuser no-such-user: this host has no such user");
  });

  it("leave a directory alone that is the root itself and is to be read-only", async () => {
    const root = join(store().scratch, "tree");
    mkdirSync(root);
    await store().succeed("create --name origin --network none busybox".split(" "));
    await store().succeed(["export", "--output", join(root, "..", "tree.tar"), "origin"]);
    await store().succeed(["unshare", "tar", "-xf", join(root, "..", "tree.tar"), "-C", root]);
    await store().succeed(["rm", "origin"]);
    const before = readFileSync(join(root, "etc/passwd"), "utf8");
    await store().succeed([
      ..."run --rm --network none --read-only --user 4321 --rootfs".split(" "),
      ...[root, "/bin/true"],
    ]);
    expect(readFileSync(join(root, "etc/passwd"), "utf8")).toBe(before);
    await store().succeed(["unshare", "rm", "-rf", root]);
  });
});

describe("--personality", () => {
  it("is the program's, and that of sessions in its container", async () => {
    await using old = await background(store(), "--personality LINUX32");
    const asked = `exec ${old.id} sh -c`.split(" ");
    const { stdout } = await store().succeed([
      ...asked,
      "cat /proc/self/personality /proc/1/personality; uname -m",
    ]);
    expect(stdout).toMatch(/^00000008\n00000008\n(?!x86_64)\S+\n$/);
  });
});

describe("--chrootdirs", () => {
  it("get the files that tsman makes for a container", async () => {
    const script = "ls /jail/etc /two/etc; cmp /etc/hosts /jail/etc/hosts; cat /two/etc/hostname";
    expect(await sh(store(), "--hostname inner --chrootdirs /jail,/two", script)).toBe(
      "/jail/etc:\nhostname\nhosts\n\n/two/etc:\nhostname\nhosts\ninner",
    );
  });
});
