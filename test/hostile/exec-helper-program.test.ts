import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { projectRoot } from "../integration/support.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { patience, Transcript, until, within } from "../support/wait.ts";
import { compileProbe } from "./probe.ts";
import { fingerprint, useStage } from "./run-stage.ts";

// S1: CVE-2019-5736 (a container overwrites the program that executes something in it).
// S24: CVE-2016-9962 (a container gets at a process that joins it, before it is the program).
const stage = useStage();
let peek: Buffer;
let tsman: string;

beforeAll(() => {
  peek = compileProbe("peek");
  // An installation that belongs to the user, as in his home: his own program is what is at stake.
  const installation = join(stage().store.scratch, "installation");
  mkdirSync(join(installation, "dist"), { recursive: true });
  for (const name of ["bin", "dist/cli", "dist/chunks", "dist/lib", "dist/libexec"]) {
    cpSync(join(projectRoot, name), join(installation, name), { recursive: true });
  }
  copyFileSync(join(projectRoot, "package.json"), join(installation, "package.json"));
  for (const name of ["node_modules", "dist/images"]) {
    symlinkSync(join(projectRoot, name), join(installation, name));
  }
  tsman = join(installation, "bin/tsman");
});

const helper = () => join(stage().store.scratch, "installation/dist");

/** `tsman exec` of that installation. */
async function exec(...args: readonly string[]) {
  const child = spawn(tsman, ["exec", ...args], {
    env: stage().store.environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = [new Transcript(child.stdout), new Transcript(child.stderr)];
  const [status] = await within(patience, `tsman exec ${args.join(" ")}`, once(child, "close"));
  return { status, stdout: stdout.text, stderr: stderr.text };
}

const everything = ["--cap-add=ALL", "--security-opt=seccomp=unconfined"];

describe("a process that is executed in a container", () => {
  it.each([
    ["its own processes", []],
    ["the host's processes", ["--pid=host"]],
  ])("cannot be opened, read or traced before it is the program, with %s", async (_, options) => {
    const before = fingerprint(helper());
    const layer = new TarBuilder().file("bin/peek", peek, { mode: 0o755 });
    const image = stage().image({ layers: [layer] });
    await using attacker = await stage().background(...everything, ...options, image, "peek");
    const logs = async () => (await stage().store.succeed(["logs", attacker.id])).stdout;
    await until("the attacker to look", async () => /looking/.test(await logs()) || undefined);
    for (let count = 0; count < 8; count += 1) {
      const user = count % 2 === 0 ? [] : ["--user=7"];
      const { status, stderr } = await exec(...user, attacker.id, "true");
      expect(status, stderr).toBe(0);
    }
    await stage().store.succeed(["stop", "--time=10", attacker.id]);
    expect(await logs()).toMatch(/^looking\nseen [1-9]\d*\n$/);
    expect(fingerprint(helper())).toBe(before);
  });

  it("is a sealed copy in memory when the container has it execute itself", async () => {
    const before = fingerprint(helper());
    await using attacker = await stage().background(...everything, "busybox", "sleep", "1000");
    // What every victim of CVE-2019-5736 did: `exec CONTAINER sh`, with a shell of the container's.
    const script = [
      "printf '#!/proc/self/exe\\n' >/evil; chmod 755 /evil; cp /evil /bin/rsh",
      "ln -s /proc/self/exe /link",
      "(while :; do for p in /proc/[0-9]*; do",
      '  [ "$(cat $p/comm 2>/dev/null)" = sh ] || echo overwritten >$p/exe',
      "done; done) 2>/dev/null >/dev/null &",
      "echo ready",
    ].join("\n");
    expect((await exec(attacker.id, "sh", "-c", script)).stdout).toBe("ready\n");
    for (const program of ["/evil", "rsh", "/link", "/proc/self/exe", "/proc/thread-self/exe"]) {
      for (const argument of ["monitor", "supervise", "version"]) {
        const { stdout, stderr } = await exec(attacker.id, program, argument);
        expect(stdout + stderr).not.toContain("overwritten");
      }
    }
    expect(fingerprint(helper())).toBe(before);
  });

  it("has nothing of the host as first process of --init either", async () => {
    const before = fingerprint(helper());
    await using attacker = await stage().background(
      ...everything,
      "--init",
      "busybox",
      "sh",
      "-c",
      "sleep 1000",
    );
    const script = [
      "readlink /proc/1/root; readlink /proc/1/cwd; readlink /proc/1/exe",
      "ls /proc/1/fd; tr '\\0' ' ' </proc/1/environ",
      "for f in /proc/1/exe /proc/1/map_files/*; do (echo overwritten >$f) && echo wrote; done",
      "truncate -s 0 /proc/1/exe && echo cut",
    ].join("\n");
    const { stdout } = await exec(attacker.id, "sh", "-c", `(${script}) 2>/dev/null; echo done`);
    expect(stdout).toBe("/\n/\n/memfd:tsman-native (deleted)\ndone\n");
    expect(fingerprint(helper())).toBe(before);
  });
});
