import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../integration/support.ts";
import { commandLineOf, isAlive } from "../support/proc.ts";
import { Transcript, until } from "../support/wait.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// S95: what the caller preloads stays with the caller's own programs.  S105: what Node and the
// kernel would write down of a process's memory, and the ports that they would open.
const stage = useStage();

/** The Node that tsman runs on, as itself. */
const node = join(projectRoot, "bin/node");

describe("what the caller's LD_PRELOAD names", () => {
  it("is loaded by none of the helpers, and not in the container", async () => {
    const here = stage().directory();
    const library = join(here, "witness.so");
    const witness = join(here, "witness");
    writeFileSync(library, compileProbe("witness", "-shared", "-fPIC"));
    const env = { LD_PRELOAD: library, WITNESS: witness };
    const { stdout } = await stage().store.succeed(
      ["run", "--rm", "--publish", "127.0.0.1::80", "busybox", "env"],
      { env },
    );
    expect(stdout).not.toMatch(/LD_PRELOAD|WITNESS/);
    const programs = new Set(
      readFileSync(witness, "utf8")
        .trim()
        .split("\n")
        .map((line) => basename(line)),
    );
    // The launcher and Node are the caller's own; that they are here shows that the library works.
    expect([...programs].filter((name) => !/^(?:sh|dash|bash|readlink)$/.test(name))).toEqual([
      "node",
    ]);
    const control = spawnSync("/usr/bin/slirp4netns", ["--version"], { env: { ...env, PATH: "" } });
    expect(control.status).toBe(0);
    expect(readFileSync(witness, "utf8")).toContain("/slirp4netns\n");
  });
});

/** A container in the background, and its monitor. */
async function startMonitor() {
  const { store } = stage();
  const args = ["run", "--detach", "--network=none", "busybox", "sleep", "1000"];
  const id = (await store.succeed(args)).stdout.trim();
  const record = readFileSync(join(store.runtimeDir, id, "monitor"), "utf8");
  const pid = Number(record.split(" ")[0]);
  expect(commandLineOf(pid)[0]).toBe("tsman-monitor");
  return { id, pid };
}

describe("a monitor", () => {
  const signals = [
    "SIGUSR1",
    "SIGUSR2",
    "SIGQUIT",
    "SIGABRT",
    "SIGSEGV",
    "SIGTRAP",
    "SIGHUP",
  ] as const;

  it("takes none of the signals that make other programs dump core or open a port", async () => {
    const { store } = stage();
    const { id, pid } = await startMonitor();
    for (const signal of signals) process.kill(pid, signal);
    // It goes on working: this asks it for the end of the container.
    await store.succeed(["kill", "--signal", "KILL", id]);
    expect((await store.succeed(["wait", id])).stdout).toBe("137\n");
    await until("the monitor to end", () => (isAlive(pid) ? undefined : true));
    await store.succeed(["rm", id]);
  });

  it.each(signals)("(%s ends a program that does not see to it)", async (signal) => {
    const victim = spawn("sleep", ["1000"], { stdio: "ignore", cwd: stage().directory() });
    await once(victim, "spawn");
    victim.kill(signal);
    expect(await once(victim, "exit")).toEqual([null, signal]);
  });
});

describe("Node's reports and snapshots of memory, which NODE_OPTIONS asks for", () => {
  it.each([["--report-on-signal", "--report-signal=SIGUSR2"], ["--heapsnapshot-signal=SIGUSR2"]])(
    "are not written: %s",
    async (...options) => {
      const here = stage().directory();
      const before = readdirSync(here);
      const { id } = await startMonitor();
      const tsman = stage().store.start(["logs", "--follow", id], {
        cwd: here,
        env: { NODE_OPTIONS: options.join(" ") },
      });
      await until("Node", () =>
        commandLineOf(tsman.pid).some((word) => word.includes("dist/cli/main")) ? true : undefined,
      );
      tsman.child.kill("SIGUSR2");
      await tsman.ended;
      expect(readdirSync(here)).toEqual(before);
      await stage().store.succeed(["rm", "--force", "--time=0", id]);

      const script =
        'process.on("SIGUSR2", () => {}); setInterval(() => {}, 1000); console.log("up")';
      const control = spawn(node, [...options, "-e", script], { cwd: here, stdio: "pipe" });
      try {
        await new Transcript(control.stdout).until("up");
        control.kill("SIGUSR2");
        await until("the file", () =>
          readdirSync(here).length > before.length ? true : undefined,
        );
      } finally {
        control.kill("SIGKILL");
      }
    },
  );
});
