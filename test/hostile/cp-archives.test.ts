import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { until } from "../support/wait.ts";
import { useStage } from "./run-stage.ts";

// S69 (links that lead to the host), S70 (CVE-2019-14271: nothing of the container is executed or
// loaded), S73 (what arrives on the host), and archives that want out of the directory that they
// are for.
const stage = useStage();
let running: string;
let stopped: string;

beforeAll(async () => {
  const { store } = stage();
  running = (
    await store.succeed("run -d --network=none --quiet busybox sleep 1000".split(" "))
  ).stdout.trim();
  stopped = (await store.succeed("create --network=none busybox true".split(" "))).stdout.trim();
});

afterAll(async () => {
  await stage().store.succeed(["rm", "--force", "--time", "0", "--all"]);
});

const inside = async (script: string) =>
  await stage().store.succeed(["exec", running, "sh", "-c", script]);
const both = ["a running container", "a container that does not run"] as const;
const idOf = (which: (typeof both)[number]) => (which === both[0] ? running : stopped);

describe.each(both)("links in %s that lead to the host", (which) => {
  it.each([
    ["absolute", () => stage().victim()],
    ["with dots", () => `${"../".repeat(30)}${stage().victim().slice(1)}`],
    ["/proc/self/root", () => `/proc/self/root${stage().victim()}`],
  ])("%s: nothing is copied out, and nothing in", async (kind, target) => {
    const { store } = stage();
    const links = stage().directory();
    symlinkSync(join(target(), "file"), join(links, "file"));
    symlinkSync(join(target(), "directory"), join(links, "directory"));
    const id = idOf(which);
    await store.succeed(["cp", `${links}/.`, `${id}:/tmp`]);
    const out = stage().directory();
    // One kind of link shows that all ways of naming it are alike, the others that they are like it.
    const isFirst = kind === "absolute";
    const sources = ["file", "directory/inner", ...(isFirst ? ["directory", "directory/."] : [])];
    for (const name of sources) {
      const result = await store.run(["cp", `${id}:/tmp/${name}`, `${out}/x`]);
      expect([name, result.status]).toEqual([name, 125]);
      expect(result.stderr).toContain("no such file or directory");
    }
    expect(readdirSync(out)).toEqual([]);
    const source = join(stage().directory(), "new");
    writeFileSync(source, "copied in\n");
    const goals = ["directory/made", ...(isFirst ? ["directory", "directory/"] : [])];
    for (const name of goals) {
      await store.run(["cp", source, `${id}:/tmp/${name}`]);
    }
    stage().expectVictimIntact();
  });
});

describe.each(both)("an archive for %s", (which) => {
  const hostile: readonly (readonly [string, (victim: string) => TarBuilder])[] = [
    ["a name with dots", () => new TarBuilder().file("../../../../../../victim/file", "x")],
    ["a name above the top", () => new TarBuilder().file("../made", "x")],
    ["a hard link with dots", () => new TarBuilder().hardlink("made", "../../../etc/passwd")],
    ["a name with a NUL", () => new TarBuilder().pax([["path", "a\0b"]]).file("a", "x")],
    ["an archive that is cut off", () => new TarBuilder().file("a", "x".repeat(4000))],
  ];

  it.each(hostile)("is refused for %s", async (name, make) => {
    const bytes = make(stage().victim()).build();
    const input = name.includes("cut off") ? bytes.subarray(0, 1024) : bytes;
    const result = await stage().store.run(["cp", "-", `${idOf(which)}:/tmp`], { input });
    expect(result.status).toBe(125);
    expect(result.stderr).toMatch(/error: copy to /);
    stage().expectVictimIntact();
  });

  it("writes through its own links into the container only", async () => {
    const { store } = stage();
    const victim = stage().victim();
    const input = new TarBuilder().symlink("way", victim).file("way/file", "overwritten").build();
    const result = await store.run(["cp", "-", `${idOf(which)}:/tmp`], { input });
    // Nothing is there for the container, so there is nowhere to write.
    expect(result.status).toBe(125);
    const absolute = new TarBuilder().file(join(victim, "file").slice(1), "inside").build();
    await store.succeed(["cp", "-", `${idOf(which)}:/tmp`], { input: absolute });
    const read = await store.succeed(["cp", `${idOf(which)}:/tmp${victim}/file`, "-"]);
    expect(read.stdoutBytes.includes("inside")).toBe(true);
    stage().expectVictimIntact();
  });

  const ways: readonly (readonly [string, TarBuilder, way: string])[] = [
    ["a link", new TarBuilder().symlink("way", "/opt"), "way"],
    ["a link with dots", new TarBuilder().dir("d").symlink("d/way", "../../../opt"), "d/way"],
    ["a hard link to a link", new TarBuilder().symlink("x", "/opt").hardlink("way", "x"), "way"],
    [
      "a link in the place of one that was there",
      new TarBuilder().file("there/x", "").symlink("there", "/opt"),
      "there",
    ],
    ["a link with two paths", new TarBuilder().symlink("d/way", "/opt"), "there/way"],
  ];

  it.each(ways)("does not leave its directory by %s of its own", async (what, archive, way) => {
    const { store } = stage();
    const id = idOf(which);
    const index = ways.findIndex(([one]) => one === what);
    const place = `srv/${index}`;
    const before = new TarBuilder().dir("opt").dir("srv").dir(place).dir(`${place}/d`);
    const input = before.symlink(`${place}/there`, "d").build();
    await store.succeed(["cp", "-", `${id}:/`], { input });
    const result = await store.run(["cp", "-", `${id}:/${place}`], {
      input: archive.file(`${way}/planted${index}`, "x").build(),
    });
    expect(result.stderr).toContain("exists and is no directory");
    const found = await store.run(["cp", `${id}:/opt/planted${index}`, "-"]);
    expect(found.stderr).toContain("no such file or directory");
  });

  it("makes no device", async () => {
    const input = new TarBuilder().char("null", 1, 3).block("disk", 8, 0).file("ok", "x").build();
    const { stderr } = await stage().store.succeed(["cp", "-", `${idOf(which)}:/mnt`], { input });
    expect(stderr).toContain("2 device files were left out");
    const out = stage().directory();
    await stage().store.succeed(["cp", `${idOf(which)}:/mnt/.`, out]);
    expect(readdirSync(out)).toEqual(["ok"]);
  });
});

describe("what arrives on the host", () => {
  it("has no power, no foreign owner and no device", async () => {
    await inside(
      "mkdir -p /s/d; echo x >/s/suid; chown 7:8 /s/suid; chmod 6755 /s/suid; chmod 7777 /s/d; " +
        "mkfifo /s/fifo; ln -s /etc/passwd /s/link",
    );
    const out = stage().directory();
    const { stderr } = await stage().store.succeed(["cp", `${running}:/s/.`, out]);
    expect(stderr).toBe("");
    const modes = readdirSync(out).map((name) => {
      const { mode, uid } = lstatSync(join(out, name));
      return [name, (mode & 0o7777).toString(8), uid];
    });
    const uid = process.getuid?.();
    expect(modes).toEqual([
      ["d", "777", uid],
      ["fifo", "644", uid],
      ["link", "777", uid],
      ["suid", "755", uid],
    ]);
    expect(readlinkSync(join(out, "link"))).toBe("/etc/passwd");
    const dev = stage().directory();
    const copied = await stage().store.succeed(["cp", `${running}:/dev/null`, `${dev}/null`]);
    expect(copied.stderr).toContain("1 device file was left out");
    expect(readdirSync(dev)).toEqual([]);
  });

  it("does not go through a link that lies in the destination", async () => {
    const out = stage().directory();
    symlinkSync(stage().victim("directory"), join(out, "d"));
    symlinkSync(stage().victim("file"), join(out, "suid"));
    await inside("mkdir -p /t/d; echo new >/t/d/inner; echo new >/t/suid");
    await stage().store.run(["cp", `${running}:/t/.`, out]);
    await stage().store.run(["cp", "--overwrite", `${running}:/t/.`, out]);
    expect(readFileSync(join(out, "suid"), "utf8")).toBe("new\n");
    stage().expectVictimIntact();
  });

  it.each(["/proc", "/proc/self/environ", "/sys/kernel", "/proc/1/root"])(
    "is nothing of %s",
    async (path) => {
      const out = stage().directory();
      const result = await stage().store.run(["cp", `${running}:${path}`, out]);
      expect(result.status).toBe(125);
      expect(readdirSync(out)).toEqual([]);
    },
  );

  it("comes without the kernel's file systems below it", async () => {
    const out = stage().directory();
    await stage().store.succeed(["cp", `${running}:/`, join(out, "all")]);
    expect(readdirSync(join(out, "all/proc"))).toEqual([]);
    expect(readdirSync(join(out, "all/sys"))).toEqual([]);
  });
});

describe("what is mounted in a container", () => {
  it("is written, never taken away", async () => {
    const shared = stage().directory();
    writeFileSync(join(shared, "file"), "before\n");
    writeFileSync(join(shared, "kept"), "kept\n");
    await using container = await stage().background(
      ...["-v", `${join(shared, "file")}:/etc/mounted`, "-v", `${shared}:/d/volume`],
      ...["-v", `${join(shared, "kept")}:/etc/fixed:ro`, "busybox", "sleep", "1000"],
    );
    const source = stage().directory();
    writeFileSync(join(source, "x"), "after\n");
    const { store } = stage();
    await store.succeed(["cp", join(source, "x"), `${container.id}:/etc/mounted`]);
    expect(readFileSync(join(shared, "file"), "utf8")).toBe("after\n");
    const fixed = await store.run(["cp", join(source, "x"), `${container.id}:/etc/fixed`]);
    expect(fixed.status).toBe(125);
    expect(fixed.stderr).toContain("read-only");
    for (const name of ["/d", "/d/volume", "/etc/mounted"]) {
      const archive = new TarBuilder();
      if (name === "/etc/mounted") archive.dir("mounted");
      else archive.file(name.split("/").at(-1) ?? "", "x");
      const parent = name.slice(0, name.lastIndexOf("/")) || "/";
      const input = archive.build();
      const args = ["cp", "--overwrite", "-", `${container.id}:${parent}`];
      const result = await store.run(args, { input });
      expect([name, result.status]).toEqual([name, 125]);
      expect(result.stderr).toContain("mount point");
    }
    const { stdout } = await store.succeed(["exec", container.id, "cat", "/proc/mounts"]);
    for (const target of ["/etc/mounted", "/d/volume", "/etc/fixed"]) {
      expect(stdout).toContain(` ${target} `);
    }
    expect(readdirSync(shared).sort()).toEqual(["file", "kept"]);
  });
});

describe("a source that would never end", () => {
  const enough = 64 * 1024 * 1024;

  it("a fifo is copied, not read", async () => {
    await inside("mkdir -p /f; mkfifo /f/fifo");
    const out = stage().directory();
    await stage().store.succeed(["cp", `${running}:/f/fifo`, join(out, "fifo")]);
    expect(lstatSync(join(out, "fifo")).isFIFO()).toBe(true);
    const source = stage().directory();
    await stage().store.succeed(["cp", `${running}:/f/.`, source]);
    await stage().store.succeed(["cp", source, `${running}:/back`]);
    expect((await inside("ls -l /back/fifo")).stdout).toMatch(/^p/);
  });

  it("a huge sparse file needs no memory, and nothing of the container is loaded for it", async () => {
    await inside("truncate -s 200G /huge");
    const copy = stage().store.start(["cp", `${running}:/huge`, "-"]);
    let received = 0;
    copy.child.stdout?.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received > enough) copy.child.stdout?.pause();
    });
    const worker = await until("the worker", () => findWorker(copy.pid));
    const own = lstatSync("/").dev;
    const root = await until("the worker to change its root", () => {
      const { dev } = lstatSync(`/proc/${worker}/root/.`);
      return dev === own ? undefined : dev;
    });
    await until("some of it", () => (received > enough ? true : undefined));
    const mapped = readFileSync(`/proc/${worker}/maps`, "utf8")
      .split("\n")
      .filter((line) => /\/.*\.(so|node)/.test(line));
    expect(mapped.length).toBeGreaterThan(0);
    const device = `${(root >> 8).toString(16).padStart(2, "0")}:${(root & 0xff).toString(16).padStart(2, "0")}`;
    expect(mapped.filter((line) => line.split(/\s+/)[3] === device)).toEqual([]);
    expect(residentPeak(worker)).toBeLessThan(256 * 1024);
    const exited = once(copy.child, "exit");
    copy.child.kill("SIGTERM");
    expect(await exited).toEqual([143, null]);
    copy.child.stdout?.destroy();
    await until("the worker to be gone", () => (existsSync(`/proc/${worker}`) ? undefined : true));
  });
});

it("a file that programs look for by themselves is not opened by whoever copies", async () => {
  // Who opens a fifo without a writer waits for ever.
  await inside("mkdir -p /usr/share; mkfifo /etc/localtime /usr/share/zoneinfo /etc/ld.so.cache");
  const file = join(stage().directory(), "f");
  writeFileSync(file, "x");
  await stage().store.succeed(["cp", file, `${running}:/tmp/f`]);
  await stage().store.succeed(["cp", `${running}:/tmp/f`, `${file}2`]);
  await stage().store.succeed(["exec", running, "rm", "-r", "/etc/localtime", "/etc/ld.so.cache"]);
});

it("an attack on the names of libraries changes nothing for whoever copies", async () => {
  const trap = stage().directory();
  const marker = stage().victim("marked");
  for (const path of ["lib", "usr/lib", "lib/x86_64-linux-gnu", "usr/lib/ssl", "etc/ssl"]) {
    mkdirSync(join(trap, path), { recursive: true });
  }
  for (const name of ["lib/libnss_files.so.2", "lib/libnss_dns.so.2", "usr/lib/ssl/openssl.cnf"]) {
    writeFileSync(join(trap, name), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
  }
  writeFileSync(join(trap, "etc/ld.so.preload"), "/lib/libnss_files.so.2\n");
  const { store } = stage();
  await store.succeed(["cp", `${trap}/.`, `${stopped}:/`]);
  const out = stage().directory();
  await store.succeed(["cp", `${stopped}:/etc`, out]);
  await store.succeed(["cp", out, `${stopped}:/tmp/again`]);
  await store.succeed(["export", "-o", join(out, "x.tar"), stopped]);
  await store.succeed(["diff", stopped]);
  await store.succeed(["commit", stopped]);
  expect(existsSync(marker)).toBe(false);
  stage().expectVictimIntact();
});

/** The Node below a command that has changed its root. */
function findWorker(pid: number): number | undefined {
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const children = readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim();
    for (const child of children.split(" ").filter(Boolean).map(Number)) {
      if (readFileSync(`/proc/${child}/cmdline`, "utf8").includes("inside")) return child;
    }
  }
  return undefined;
}

/** KiB. */
function residentPeak(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
