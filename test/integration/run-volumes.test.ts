import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { idOutside } from "../support/subordinate-ids.ts";
import { sh, trySh } from "./in-container.ts";
import { registry, useStore } from "./support.ts";

const store = useStore();

/** A new directory with a file `a` of one line, "host". */
function hostDirectory(name: string): string {
  const directory = join(store().scratch, name);
  mkdirSync(directory);
  writeFileSync(join(directory, "a"), "host\n");
  return directory;
}

function volumes(): readonly string[] {
  return readdirSync(join(store().root, "volumes"));
}

/** Options of the topmost mount at a path, as /proc/mounts gives them. */
function optionsOf(target: string): string {
  return `grep " ${target} " /proc/mounts | tail -n 1 | cut -d ' ' -f 3,4`;
}

describe("a bind mount", () => {
  it("gives a directory of the host, to read and write", async () => {
    const host = hostDirectory("rw");
    const script = `cat /m/a; echo inside >/m/b; chown 7:8 /m/b; ${optionsOf("/m")}`;
    const [content, options = ""] = (await sh(store(), `-v ${host}:/m`, script)).split("\n");
    expect(content).toBe("host");
    expect(options.split(/[ ,]/)).toEqual(expect.arrayContaining(["rw", "nosuid", "nodev"]));
    expect(statSync(join(host, "b"))).toMatchObject({
      uid: idOutside("uid", 7),
      gid: idOutside("gid", 8),
    });
  });

  it("is read-only with ro, and root inside cannot change that", async () => {
    const host = hostDirectory("ro");
    const script = "cat /m/a; echo x >/m/b; rm /m/a; chmod 777 /m; cat /m/a";
    const { stdout, stderr } = await trySh(store(), `--network none -v ${host}:/m:ro`, script);
    expect(stdout).toBe("host\nhost\n");
    expect(stderr.match(/Read-only file system/g)).toHaveLength(3);
    const below = "mount -o remount,rw,bind /m 2>&1; echo x >/m/proc-x 2>&1; ls /m/proc-x 2>&1";
    expect(await trySh(store(), `--network none -v ${host}:/m:ro`, below)).toMatchObject({
      status: 1,
    });
    expect(readdirSync(host)).toEqual(["a"]);
  });

  it("gives a single file, over one of the image or where there is none", async () => {
    const file = join(hostDirectory("file"), "a");
    const options = `-v ${file}:/etc/passwd:ro -v ${file}:/new/deep/name`;
    expect(await sh(store(), options, "cat /etc/passwd /new/deep/name")).toBe("host\nhost");
  });

  it("gives another file for one in /proc that tells of the machine, and for no other", async () => {
    const file = join(hostDirectory("lxcfs"), "a");
    expect(await sh(store(), `-v ${file}:/proc/meminfo:ro`, "cat /proc/meminfo")).toBe("host");
    const { stderr } = await trySh(store(), `-v ${file}:/proc/version`, "true");
    expect(stderr).toContain("nothing may be mounted on /proc/version");
  });

  it("has flags: noexec", async () => {
    const host = hostDirectory("noexec");
    writeFileSync(join(host, "script"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
    expect(await sh(store(), `-v ${host}:/m`, "/m/script")).toBe("ran");
    const { status, stderr } = await trySh(
      store(),
      `--network none -v ${host}:/m:noexec`,
      "/m/script",
    );
    expect(stderr).toContain("Permission denied");
    expect(status).toBe(126);
  });

  it("counts a relative source from the working directory, and follows it if it is a link", async () => {
    const host = hostDirectory("relative");
    symlinkSync(host, join(store().scratch, "link"));
    for (const source of [".", "./", "../relative", "../link"]) {
      const found = await sh(store(), `-v ${source}:/m`, "cat /m/a", { cwd: host });
      expect(found, source).toBe("host");
    }
  });

  it("gives the files to the container's user with U", async () => {
    const host = hostDirectory("chown");
    const found = await sh(store(), `-u 1000:1001 -v ${host}:/m:U`, "stat -c %u:%g /m /m/a");
    expect(found).toBe("1000:1001\n1000:1001");
    expect(statSync(join(host, "a")).uid).toBe(idOutside("uid", 1000));
  });

  it("of a source that is missing is an error that names it, and nothing is made", async () => {
    const missing = join(store().scratch, "missing");
    for (const options of [`-v ${missing}:/m`, `--mount type=bind,src=${missing},dst=/m`]) {
      const { status, stderr } = await trySh(store(), options, "true");
      expect(stderr).toContain(`mount ${missing} on /m: no such file or directory`);
      expect(stderr).toContain(`mkdir -p ${missing}`);
      expect(status).toBe(125);
    }
    expect(readdirSync(store().scratch)).not.toContain("missing");
  });

  it("of a source that the caller may not reach is an error that says so", async () => {
    const closed = hostDirectory("closed");
    chmodSync(closed, 0);
    try {
      const { status, stderr } = await trySh(store(), `-v ${closed}/below:/m`, "true");
      expect(stderr).toContain(`mount ${closed}/below on /m: permission denied`);
      expect(stderr).toMatch(/hint: mount what you may reach yourself/);
      expect(status).toBe(125);
    } finally {
      chmodSync(closed, 0o755);
    }
  });
});

describe("a named volume", () => {
  it("begins with the image's files, and keeps what is written", async () => {
    const first = "stat -c '%a %u:%g %n' /etc /etc/shadow /etc/passwd; cat /etc/os-release";
    const ofImage = await sh(store(), "", first);
    expect(await sh(store(), "-v etc:/etc", `${first}; echo kept >/etc/new`)).toBe(ofImage);
    expect(await sh(store(), "-v etc:/other", "cat /other/new /other/os-release")).toBe(
      `kept\n${await sh(store(), "", "cat /etc/os-release")}`,
    );
    expect(volumes()).toContain("etc");
  });

  it("begins with the image's links and pipes, their owners and times", async () => {
    const make =
      "mkdir /d; ln -s gone /d/link; mkfifo -m 640 /d/pipe; touch -h -d @1000000000 /d/*; chown -h 5:6 /d/link; chown 7:8 /d/pipe";
    const words = "run --network none --quiet --name maker busybox sh -c".split(" ");
    await store().succeed([...words, make]);
    await store().succeed("commit --quiet maker localhost/special".split(" "));
    const look = "stat -c '%n %F %a %u:%g %Y' /d/link /d/pipe; readlink /d/link";
    const copied = "run --rm --network none --quiet -v special:/d localhost/special".split(" ");
    const { stdout } = await store().succeed([...copied, "sh", "-c", look]);
    expect(stdout.split("\n")).toEqual([
      "/d/link symbolic link 777 5:6 1000000000",
      "/d/pipe fifo 640 7:8 1000000000",
      "gone",
      "",
    ]);
  });

  it("begins empty with nocopy", async () => {
    expect(await sh(store(), "", "ls -A /usr")).not.toBe("");
    expect(await sh(store(), "-v empty:/usr:nocopy", "ls -A /usr")).toBe("");
  });

  it("is the same for two targets, and may be read-only at one of them", async () => {
    const script = "echo x >/w/f; cat /r/f; (echo y >/r/f); cat /w/f";
    const options = "--network none -v both:/w -v both:/r:ro";
    const { stdout, stderr } = await trySh(store(), options, script);
    expect(stdout).toBe("x\nx\n");
    expect(stderr).toContain("Read-only file system");
  });

  it("outlives --rm", async () => {
    await sh(store(), "-v outlives:/v", "echo kept >/v/f");
    expect(volumes()).toContain("outlives");
    expect(await sh(store(), "-v outlives:/v", "cat /v/f")).toBe("kept");
  });

  it("has a name, not a path", async () => {
    for (const name of ["a/b", "-a", "ä", "a b"]) {
      const { status, stderr } = await trySh(store(), ["-v", `${name}:/v`], "true");
      expect(stderr, name).toContain(name);
      expect(status, name).toBe(125);
    }
  });
});

describe("an anonymous volume", () => {
  it("is there for -v TARGET and the image's VOLUME, and goes with --rm", async () => {
    const before = volumes();
    const image = `${registry()}/entrypoint-cmd`;
    const { stdout } = await store().succeed([
      ..."run --rm --network none --quiet --entrypoint= -v /mine".split(" "),
      image,
      ...["sh", "-c", "grep -cE ' /(mine|data|cache) ' /proc/mounts; echo x >/mine/f"],
    ]);
    expect(stdout).toBe("3\n");
    expect(volumes()).toEqual(before);
  });

  it("stays with the container, and goes with rm --volumes", async () => {
    const before = volumes();
    const run = "run --network none --name keeper -v /mine busybox true".split(" ");
    await store().succeed(run);
    expect(volumes()).toHaveLength(before.length + 1);
    await store().succeed(["rm", "--volumes", "keeper"]);
    expect(volumes()).toEqual(before);
  });
});

describe("--volumes-from", () => {
  const read = "cat /host/a /named/f /mine/f /data/from-image; ! grep ' /t ' /proc/mounts";

  /** A container that has ended, with a bind, a named, an anonymous, an image's volume, a tmpfs. */
  async function makeOther(name: string): Promise<void> {
    await store().succeed([
      ...`run --network none --quiet --name ${name} --entrypoint= --tmpfs /t`.split(" "),
      ...["-v", `${hostDirectory(name)}:/host`, "-v", `${name}:/named`, "-v", "/mine"],
      `${registry()}/entrypoint-cmd`,
      ...["sh", "-c", "echo named >/named/f; echo mine >/mine/f"],
    ]);
  }

  it("takes over the directories and volumes of another container, which need not run", async () => {
    await makeOther("other");
    const expected = "host\nnamed\nmine\nfrom image\n";
    expect(await sh(store(), "--volumes-from other", read)).toBe(expected.trimEnd());
    const start = "create --name heir --volumes-from other busybox sh -c".split(" ");
    await store().succeed([...start, read]);
    expect((await store().succeed(["start", "--attach", "heir"])).stdout).toBe(expected);
    const { stdout } = await store().succeed(["inspect", "heir"]);
    expect(JSON.parse(stdout)[0].HostConfig.VolumesFrom).toEqual(["other"]);
    // They are the other's to remove, not those of who took them over.
    await store().succeed(["rm", "--volumes", "heir"]);
    expect(await sh(store(), "--volumes-from other", "cat /mine/f")).toBe("mine");
  });

  it("makes them read-only with :ro, and gives way to a mount of one's own", async () => {
    await makeOther("giver");
    const { stdout } = await trySh(
      store(),
      "--network none --volumes-from giver:ro --tmpfs /named",
      "touch /mine/g /host/b || echo refused; ls /named; touch /named/own",
    );
    expect(stdout).toBe("refused\n");
  });

  it("keeps a volume from rm --volumes as long as somebody uses it", async () => {
    await makeOther("first");
    const before = volumes();
    await store().succeed(
      "create --name second --volumes-from first busybox cat /mine/f".split(" "),
    );
    await store().succeed(["rm", "--volumes", "first"]);
    expect(volumes()).toEqual(before);
    expect((await store().succeed(["start", "--attach", "second"])).stdout).toBe("mine\n");
    expect((await store().succeed(["system", "check"])).stdout).toBe("");
    await store().succeed(["rm", "second"]);
  });

  it("says in --explain where a mount comes from", async () => {
    await makeOther("origin");
    const { stdout } = await store().succeed(
      "run --explain --network none --volumes-from origin busybox true".split(" "),
    );
    expect(stdout.match(/<- --volumes-from origin$/gm)).not.toBeNull();
  });

  it.each([
    ["nobody", /container "?nobody"?.*no such container/],
    ["other:rx", /"other:rx".*"rx"/],
    ["", /the container is missing/],
    [":ro", /the container is missing/],
  ])("of %j is an error that names it", async (text, message) => {
    const args = ["run", "--network", "none", "--volumes-from", text, "busybox", "true"];
    const { status, stdout, stderr } = await store().run(args);
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
  });
});

describe("a tmpfs", () => {
  it("has the size and the mode that are asked for", async () => {
    const script =
      "stat -c %a /t; grep ' /t ' /proc/mounts | cut -d ' ' -f 3; " +
      "dd if=/dev/zero of=/t/x bs=64k count=32 2>/dev/null; stat -c %s /t/x";
    expect(await sh(store(), "--tmpfs /t:size=1m,mode=1750", script)).toBe("1750\ntmpfs\n1048576");
    const options = "--mount type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=1750";
    expect(await sh(store(), options, script)).toBe("1750\ntmpfs\n1048576");
  });

  it("begins with the image's files, unless notmpcopyup is given", async () => {
    const ofImage = await sh(store(), "", "cat /etc/os-release");
    expect(await sh(store(), "--tmpfs /etc", "cat /etc/os-release; echo >/etc/x")).toBe(ofImage);
    expect(await sh(store(), "--tmpfs /home:notmpcopyup,noexec", optionsOf("/home"))).toContain(
      "noexec",
    );
    expect(await sh(store(), "--tmpfs /usr:notmpcopyup", "ls -A /usr")).toBe("");
  });

  it("can be read-only", async () => {
    const { stderr } = await trySh(store(), "--network none --tmpfs /t:ro", "echo x >/t/x");
    expect(stderr).toContain("Read-only file system");
  });
});

describe("--mount", () => {
  it("says the same as -v and --tmpfs, in all its spellings", async () => {
    const host = hostDirectory("mount");
    const spellings = [
      `type=bind,source=${host},target=/m`,
      `type=bind,src=${host},dst=/m`,
      `target=/m,src=${host},type=bind`,
      `type=bind,src=${host},destination=/m,readonly=false`,
    ];
    for (const spelling of spellings) {
      expect(await sh(store(), `--mount ${spelling}`, `cat /m/a; echo x >/m/x`), spelling).toBe(
        "host",
      );
    }
    for (const word of ["ro", "readonly", "ro=true", "readonly=true"]) {
      const spelling = `type=bind,src=${host},dst=/m,${word}`;
      const options = await sh(store(), `--mount ${spelling}`, optionsOf("/m"));
      expect(options.split(/[ ,]/), word).toContain("ro");
    }
    await sh(store(), "--mount type=volume,src=by-mount,dst=/v", "echo x >/v/f");
    expect(await sh(store(), "--volume by-mount:/v", "cat /v/f")).toBe("x");
    expect(readFileSync(join(host, "x"), "utf8")).toBe("x\n");
  });

  it("says what is wrong with it", async () => {
    for (const [spelling, reason] of [
      ["type=nfs,dst=/x", 'unknown type "nfs"'],
      ["type=bind,src=/tmp", "the target is missing"],
      ["type=bind,dst=/x", "the source is missing"],
      ["type=bind,src=/tmp,dst=x", "is not absolute"],
      ["type=bind,src=/tmp,dst=/x,foo=1", 'a bind mount has no "foo=1"'],
      ["type=tmpfs,dst=/x,tmpfs-size=huge", "huge"],
      ["type=bind,src=/tmp,dst=/", "the container's root"],
    ]) {
      const { status, stderr } = await trySh(store(), `--mount ${spelling}`, "true");
      expect(stderr, spelling).toContain(reason);
      expect(status, spelling).toBe(125);
    }
  });
});

describe("--volume", () => {
  it("says what is wrong with it", async () => {
    for (const [spelling, reason] of [
      ["/a:b:c:d", "more than three parts"],
      ["/tmp:", "an empty part"],
      ["/tmp:x", "is not absolute"],
      ["/tmp:/", "the container's root"],
      ["/tmp:/x:foo", 'unknown option "foo"'],
      ["/tmp:/x:ro,rw", "both ro and rw"],
      ["/tmp:/x:O", "not supported"],
    ]) {
      const { status, stderr } = await trySh(store(), `--volume ${spelling}`, "true");
      expect(stderr, spelling).toContain(reason);
      expect(status, spelling).toBe(125);
    }
  });
});

describe("mounts together", () => {
  it("are made parents first, in whatever order they are given", async () => {
    const host = hostDirectory("order");
    const options = `-v ${host}:/top/below/deep --tmpfs /top/below -v order:/top`;
    expect(await sh(store(), options, "cat /top/below/deep/a; ls /top /top/below")).toBe(
      "host\n/top:\nbelow\n\n/top/below:\ndeep",
    );
  });

  it("of one target are refused", async () => {
    const { status, stderr } = await trySh(store(), "--tmpfs /t -v one:/t", "true");
    expect(stderr).toContain("/t");
    expect(status).toBe(125);
  });

  it("stay writable in a --read-only root", async () => {
    const host = hostDirectory("read-only");
    const options = `--network none --read-only --tmpfs /t -v ${host}:/m -v writable:/v`;
    const script =
      "for d in / /etc /t /m /v /tmp; do touch $d/x 2>/dev/null && echo $d; done; true";
    expect((await trySh(store(), options, script)).stdout).toBe("/t\n/m\n/v\n/tmp\n");
    const fully = `${options} --read-only-tmpfs=false`;
    expect((await trySh(store(), fully, script)).stdout).toBe("/t\n/m\n/v\n");
  });
});
