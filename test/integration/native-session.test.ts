import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { processEnds } from "../support/pidfd.ts";
import { isAlive, statusOf } from "../support/proc.ts";
import { copyInstallation } from "./copied-installation.ts";
import { type TsmanProcess, useStore } from "./support.ts";

const store = useStore();

/** A foreground run that has said "ready". */
async function running(...args: readonly string[]): Promise<TsmanProcess> {
  const session = store().start([
    ..."run --rm --network none".split(" "),
    ...args.slice(0, -1).flatMap((arg) => arg.split(" ")),
    "busybox",
    "sh",
    "-c",
    args.at(-1) ?? "",
  ]);
  await session.stdout.until("ready");
  return session;
}

async function monitorOf(name: string): Promise<number> {
  const id = (await store().succeed(["inspect", "--format", "{{.Id}}", name])).stdout.trim();
  return Number(readFileSync(join(store().runtimeDir, id, "monitor"), "utf8").split(" ")[0]);
}

async function namesOf(...args: readonly string[]): Promise<string> {
  return (await store().succeed(["ps", "--all", "--format", "{{.Names}}", ...args])).stdout;
}

const waits = "trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.05; done";

describe("a run in the foreground", () => {
  it("keeps no Node while its container runs, and less than 2 MiB", async () => {
    const session = await running(waits);
    const status = statusOf(session.pid);
    expect(status.Name).toBe("tsman-native");
    expect(status.Threads).toBe("1");
    expect(Number.parseInt(status.VmRSS ?? "", 10)).toBeLessThan(2048);
    session.child.kill("SIGTERM");
    expect(await session.ended).toMatchObject({ status: 5, stdout: "ready\ngot\n" });
  });

  it("has one child, its monitor, and neither has anything of what Node began for it", async () => {
    const session = await running("--name alone", waits);
    const monitor = await monitorOf("alone");
    const children = readFileSync(`/proc/${session.pid}/task/${session.pid}/children`, "utf8");
    expect(children.trim()).toBe(String(monitor));
    // unix(7): SOCK_SEQPACKET, of which no pair outlives a start.
    const pairs = readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .flatMap(([, , , , type, , inode]) => (type === "0005" ? [`socket:[${inode}]`] : []));
    for (const pid of [session.pid, monitor]) {
      const open = readdirSync(`/proc/${pid}/fd`).map((fd) =>
        readlinkSync(`/proc/${pid}/fd/${fd}`),
      );
      expect(open.filter((target) => /^(user|net):/.test(target))).toEqual([]);
      expect(open.filter((target) => pairs.includes(target))).toEqual([]);
    }
    session.child.kill("SIGTERM");
    await session.ended;
  });

  it("has a monitor that shares its program's memory with the others, and with nobody else", async () => {
    // Of a process that is no monitor: its program is not executed.
    const planted = join(store().runtimeDir, "planted");
    mkdirSync(planted);
    writeFileSync(join(planted, "monitor"), `${process.pid} 1\n`);
    const programs: number[] = [];
    for (const name of ["first", "second"]) {
      await store().succeed(`run -d --network none --name ${name} busybox sleep 60`.split(" "));
      const program = `/proc/${await monitorOf(name)}/exe`;
      expect(readlinkSync(program)).toBe("/memfd:tsman-native (deleted)");
      programs.push(statSync(program).ino);
    }
    expect(programs[1]).toBe(programs[0]);
    await store().succeed("rm --force --time 0 first second".split(" "));
    rmSync(planted, { recursive: true });
  });

  it("with --rm leaves its name free and nothing of it to be seen", async () => {
    for (let round = 0; round < 3; round += 1) {
      await store().succeed("run --rm --network none --name same busybox true".split(" "));
    }
    expect(await namesOf()).toBe("");
    expect(readdirSync(join(store().root, "containers"))).toEqual([]);
    expect(readdirSync(join(store().root, "gone"))).toEqual([]);
    expect(readdirSync(store().runtimeDir)).toEqual([]);
  });

  it("with --rm is gone for those who cannot write the store either", async () => {
    const mark = await (async () => {
      await store().succeed("run --rm --network none --name seen busybox true".split(" "));
      const [id = ""] = readdirSync(join(store().root, "gone"));
      return join(store().root, "gone", id);
    })();
    expect(existsSync(mark)).toBe(true);
    // As if another command held the mark: it cannot be removed, so the row stays for now.
    chmodSync(join(store().root, "gone"), 0o500);
    try {
      expect(await namesOf()).toBe("");
    } finally {
      chmodSync(join(store().root, "gone"), 0o700);
    }
    expect(await namesOf()).toBe("");
    expect(existsSync(mark)).toBe(false);
  });

  it("that is killed leaves the container running", async () => {
    const session = await running("--name orphan", waits);
    session.child.kill("SIGKILL");
    await session.ended;
    expect(await namesOf("--filter", "status=running")).toBe("orphan\n");
    await store().succeed("rm --force --time 0 orphan".split(" "));
  });

  it("whose monitor is killed says that it does not know how the program ended", async () => {
    const session = await running("--name lost", "echo ready; sleep 1000");
    const monitor = await monitorOf("lost");
    process.kill(monitor, "SIGKILL");
    const { status, stderr } = await session.ended;
    expect(stderr).toContain("its monitor ended without saying how the program did");
    expect(status).toBe(125);
    await processEnds(monitor);
    expect(isAlive(monitor)).toBe(false);
    expect(await namesOf()).toBe("");
  });

  it("with --sig-proxy=false ends at a signal, and the container goes on", async () => {
    const session = await running("--sig-proxy=false", "--name stays", waits);
    session.child.kill("SIGTERM");
    expect((await session.ended).status).toBe(143);
    expect(await namesOf("--filter", "status=running")).toBe("stays\n");
    await store().succeed("rm --force --time 0 stays".split(" "));
  });

  it("tries again to explain a start that failed, with nothing left of either", async () => {
    const cid = join(store().scratch, "cid");
    const { status, stdout, stderr } = await store().run([
      ..."run --rm --network none --name again --cidfile".split(" "),
      cid,
      "busybox",
      "no-such-program",
    ]);
    expect(stderr).toContain("no-such-program");
    expect(status).toBe(127);
    expect(stdout).toBe("");
    expect(existsSync(cid)).toBe(false);
    expect(await namesOf()).toBe("");
    expect(readdirSync(join(store().root, "containers"))).toEqual([]);
    expect(readdirSync(store().runtimeDir)).toEqual([]);
  });

  it("says once what is to be known, also when the start has failed", async () => {
    const { status, stderr } = await store().run([
      ..."run --rm --privileged --network none -p 18080:80 busybox no-such-program".split(" "),
    ]);
    expect(status).toBe(127);
    expect(stderr.split("\n").filter((line) => line.startsWith("tsman: warning: "))).toEqual([
      expect.stringContaining("--network none"),
      expect.stringContaining("--privileged"),
    ]);
  });

  it("does not take an id file for its own that is another's", async () => {
    const cid = join(store().scratch, "cid-of-another");
    writeFileSync(cid, "0".repeat(64));
    const { status, stderr } = await store().run([
      ..."run --rm --network none --cidfile".split(" "),
      cid,
      "busybox",
      "no-such-program",
    ]);
    expect(stderr).toContain("the file exists");
    expect(status).toBe(125);
    expect(readFileSync(cid, "utf8")).toBe("0".repeat(64));
  });

  it("is what it is without a native session: statuses, streams, signals", async () => {
    const script = "cat; echo err >&2; exit 7";
    const args = [..."run --rm -i --network none busybox sh -c".split(" "), script];
    const native = await store().run(args, { input: "in\n" });
    // A report of no session at all keeps this one from having any.
    const classic = await store().run(args, { input: "in\n", env: { TSMAN_SESSION: "none" } });
    for (const result of [native, classic]) {
      expect(result).toMatchObject({ status: 7, stdout: "in\n", stderr: "err\n" });
    }
  });
});

describe("an installation whose Node loads no addon", () => {
  it("runs containers without a native session", async () => {
    const tsman = await copyInstallation(join(store().scratch, "installation"));
    writeFileSync(join(store().scratch, "installation/dist/libexec/process.node"), "of elsewhere");
    const run = "run --rm --network none busybox sh -c".split(" ");
    const { stdout, stderr } = await store().succeed([...run, "echo ran"], { program: tsman });
    expect({ stdout, stderr }).toEqual({ stdout: "ran\n", stderr: "" });
  });
});

describe("an exec session", () => {
  it("keeps no Node while its program runs", async () => {
    await store().succeed("run -d --name host --network none busybox sleep 1000".split(" "));
    const session = store().start(["exec", "host", "sh", "-c", "echo ready; sleep 1000"]);
    await session.stdout.until("ready");
    expect(statusOf(session.pid).Name).toBe("tsman-native");
    await store().succeed("rm --force --time 0 host".split(" "));
    expect((await session.ended).status).toBe(137);
  });
});
