import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isAlive, statusOf } from "../support/proc.ts";
import { patience, Transcript, until, within } from "../support/wait.ts";
import { sh, trySh } from "./in-container.ts";
import { tsmanPath, useStore } from "./support.ts";

const store = useStore();
const run = "run --rm --network none".split(" ");

/** Names of all containers of this file's store, ended ones too. */
async function running(): Promise<readonly string[]> {
  const { stdout } = await store().succeed(["ps", "--all", "--format", "{{.Names}}"]);
  return stdout.split("\n").filter(Boolean);
}

describe("standard input and output", () => {
  it("are binary-clean both ways", async () => {
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      randomBytes(300_000),
    ]);
    const { stdoutBytes, stderr } = await store().succeed([...run, "-i", "busybox", "cat"], {
      input: bytes,
    });
    expect(stdoutBytes.equals(bytes)).toBe(true);
    expect(stderr.split("\n").filter((line) => !line.startsWith("Layer"))).toEqual([""]);
  });

  it("are apart from standard error", async () => {
    const { stdout, stderr } = await trySh(store(), "--network none", "echo out; echo err >&2");
    expect(stdout).toBe("out\n");
    expect(stderr).toBe("err\n");
  });

  it("end for the program when they end for tsman", async () => {
    expect(await sh(store(), "-i", "wc -c", { input: "12345" })).toBe("5");
    expect(await sh(store(), "-i", "cat; echo ended")).toBe("ended");
  });

  it("are not read without -i", async () => {
    const tsman = store().start([...run, "busybox", "sh", "-c", "readlink /proc/self/fd/0; cat"]);
    // Its other end stays open: it is not that which ends cat.
    expect((await tsman.ended).stdout).toBe("/dev/null\n");
  });

  it.each([
    ["-a stdout", { stdout: "out\n", stderr: "" }],
    ["--attach STDERR", { stdout: "", stderr: "err\n" }],
    ["-a stdout --attach=stderr", { stdout: "out\n", stderr: "err\n" }],
    ["-a stdin", { stdout: "", stderr: "" }],
  ])("are those of %s, and the log has all", async (options, expected) => {
    const script = "cat; echo out; echo err >&2; exit 3";
    const attached = `run --network none --name attached ${options} busybox sh -c`.split(" ");
    const { status, stdout, stderr } = await store().run([...attached, script], { input: "" });
    expect({ status, stdout, stderr }).toEqual({ status: 3, ...expected });
    const logged = await store().succeed(["logs", "attached"]);
    expect({ stdout: logged.stdout, stderr: logged.stderr }).toEqual({
      stdout: "out\n",
      stderr: "err\n",
    });
    await store().succeed(["rm", "attached"]);
  });

  it("are the input too with -a stdin, and nothing with --detach or another word", async () => {
    const attach = [...run, "-a", "stdin", "-a", "stdout", "busybox", "cat"];
    expect((await store().succeed(attach, { input: "given" })).stdout).toBe("given");
    const detached = await store().run([...run, "-d", "-a", "stdout", "busybox", "true"]);
    expect(detached).toMatchObject({ status: 125, stdout: "" });
    expect(detached.stderr).toContain("use --attach: with --detach");
    const other = await store().run([...run, "-a", "output", "busybox", "true"]);
    expect(other).toMatchObject({ status: 125, stdout: "" });
    expect(other.stderr).toContain("use one of: stdin, stdout, stderr");
  });

  it("may be files, which are neither truncated nor read twice", async () => {
    const output = join(store().scratch, "output");
    const descriptor = openSync(output, "w");
    const child = spawn(tsmanPath, [...run, "busybox", "sh", "-c", "echo one; echo two"], {
      env: store().environment(),
      stdio: ["ignore", descriptor, descriptor],
    });
    await new Promise((resolve) => child.on("close", resolve));
    closeSync(descriptor);
    expect(readFileSync(output, "utf8")).toBe("one\ntwo\n");
  });

  it("leave the program's last words complete", async () => {
    const { stdoutBytes } = await store().succeed([
      ...run,
      "busybox",
      ...["sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; exec 1>&-; exit 0"],
    ]);
    expect(stdoutBytes.length).toBe(1_000_000);
  });

  it("pass 200 MB on unchanged, with back-pressure and without going through JavaScript", async () => {
    const line = `${"0123456789".repeat(10)}\n`;
    const count = 2_000_000;
    const child = spawn(
      tsmanPath,
      [...run, "busybox", "sh", "-c", `yes ${line.trim()} | head -n ${count}`],
      { env: store().environment(), stdio: ["ignore", "pipe", "inherit"] },
    );
    const hash = createHash("sha256");
    let length = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      length += chunk.length;
      hash.update(chunk);
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect(status).toBe(0);
    expect(length).toBe(line.length * count);
    const expected = createHash("sha256");
    const thousand = line.repeat(1000);
    for (let done = 0; done < count; done += 1000) expected.update(thousand);
    expect(hash.digest("hex")).toBe(expected.digest("hex"));
  });

  it("whose reader goes away end the program as in a pipe of the shell's", async () => {
    const child = spawn(
      "sh",
      ["-c", '"$@" | head -n 1', "sh", tsmanPath, ...run, "--init", "busybox", "yes"],
      { env: store().environment(), stdio: ["ignore", "pipe", "pipe"] },
    );
    const stdout = new Transcript(child.stdout);
    const ended = new Promise((resolve) => child.on("close", resolve));
    await within(patience, "the pipe to end", ended);
    expect(stdout.text).toBe("y\n");
    expect(await running()).toEqual([]);
  });
});

describe("signals to tsman", () => {
  const waiting =
    "trap 'echo got TERM; exit 3' TERM; trap 'echo got HUP' HUP; trap 'echo got USR1' USR1; echo ready; while :; do sleep 1000 & wait; done";

  it("go to the program", async () => {
    const tsman = store().start([...run, "busybox", "sh", "-c", waiting]);
    await tsman.stdout.until("ready");
    process.kill(tsman.pid, "SIGUSR1");
    await tsman.stdout.until("got USR1");
    process.kill(tsman.pid, "SIGHUP");
    await tsman.stdout.until("got HUP");
    process.kill(tsman.pid, "SIGTERM");
    const { status, stdout } = await tsman.ended;
    expect(stdout).toBe("ready\ngot USR1\ngot HUP\ngot TERM\n");
    expect(status).toBe(3);
  });

  it("go to the program where this process stays: it has published a port", async () => {
    const tsman = store().start([
      ..."run --rm --publish 127.0.0.1::80 busybox sh -c".split(" "),
      waiting,
    ]);
    await tsman.stdout.until("ready");
    process.kill(tsman.pid, "SIGUSR1");
    await tsman.stdout.until("got USR1");
    process.kill(tsman.pid, "SIGTERM");
    expect(await tsman.ended).toMatchObject({
      status: 3,
      stdout: "ready\ngot USR1\ngot TERM\n",
    });
  });

  it("that end the program are told by the exit status", async () => {
    const tsman = store().start([
      ...run,
      "--init",
      "busybox",
      "sh",
      "-c",
      "echo ready; exec sleep 1000",
    ]);
    await tsman.stdout.until("ready");
    process.kill(tsman.pid, "SIGINT");
    expect((await tsman.ended).status).toBe(130);
  });

  it("end tsman alone with --sig-proxy=false, and the container goes on", async () => {
    const tsman = store().start([
      ..."run --name unproxied --network none --sig-proxy=false busybox sh -c".split(" "),
      waiting,
    ]);
    await tsman.stdout.until("ready");
    process.kill(tsman.pid, "SIGTERM");
    const { status, stdout } = await tsman.ended;
    expect(stdout).toBe("ready\n");
    expect(status).toBe(143);
    expect(await running()).toEqual(["unproxied"]);
    await store().succeed("rm --force --time 0 unproxied".split(" "));
  });

  it("that cannot be caught end tsman, and the container goes on without it", async () => {
    const pidFile = join(store().scratch, "pid");
    const tsman = store().start([
      ..."run --name orphan --network none --pidfile".split(" "),
      pidFile,
      ..."busybox sh -c".split(" "),
      "echo ready; exec sleep 1000",
    ]);
    await tsman.stdout.until("ready");
    // The launcher has become Node, so this is all of tsman but the monitor.
    tsman.child.kill("SIGKILL");
    await tsman.ended;
    const pid = Number(readFileSync(pidFile, "utf8"));
    expect(isAlive(pid)).toBe(true);
    // busybox is "exe" for a moment, as what executes /proc/self/exe is.
    await until("the program to be sleep", () => statusOf(pid).Name === "sleep" || undefined);
    await store().succeed("rm --force --time 0 orphan".split(" "));
    await until("the program to end", () => (isAlive(pid) ? undefined : true));
  });
});

describe("a stop before the start", () => {
  it("by a signal during the pull leaves nothing behind", async () => {
    // Nobody answers there: the pull waits (a blackhole of RFC 5737).
    const tsman = store().start([...run, "--pull", "always", "192.0.2.200:1/x"]);
    await tsman.stderr.until("Pulling");
    process.kill(tsman.pid, "SIGINT");
    const { status } = await within(patience, "tsman to end", tsman.ended);
    expect(status).toBe(130);
    expect(await running()).toEqual([]);
  });
});
