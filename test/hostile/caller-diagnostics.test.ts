import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot, tsmanPath } from "../integration/support.ts";
import { runWrapped } from "../integration/wrapped.ts";
import { requires } from "../support/must-work.ts";
import { childrenOf, commandLineOf, findChild, isAlive, statusOf } from "../support/proc.ts";
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

/** The version of Landlock in this kernel, 0 without. */
function landlockVersion(): number {
  const program = join(stage().directory(), "landlock");
  writeFileSync(program, compileProbe("landlock"), { mode: 0o755 });
  return Number(execFileSync(program, { encoding: "utf8" }));
}

describe("a monitor", () => {
  it("gives up what it does not need, where the kernel has Landlock, and still does its work", async () => {
    const { store } = stage();
    const { id, pid } = await startMonitor();
    // landlock(7): whoever confines itself forgoes new privileges first.  It does so when it has
    // told the caller of the start, who need not wait for it.
    if (landlockVersion() > 0) {
      await until("the monitor to confine itself", () =>
        statusOf(pid).NoNewPrivs === "1" ? true : undefined,
      );
    }
    expect((await store.succeed(["exec", id, "echo", "joined"])).stdout).toBe("joined\n");
    await store.succeed(["stop", "--time=0", id]);
    expect((await store.succeed(["wait", id])).stdout).toBe("137\n");
    const args = ["events", "--stream=false", "--filter", `container=${id}`];
    expect((await store.succeed(args)).stdout).toMatch(/ died /);
    await store.succeed(["rm", id]);
  });

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

/** Core files up to the caller's hard limit, as a developer's shell may allow them. */
const withCores = ["sh", "-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$0" "$@"'] as const;
const hardLimit = execFileSync("sh", ["-c", "ulimit -H -c"], { encoding: "utf8" }).trim();
const coreLimitOf = (pid: number) =>
  /^Max core file size +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1];

describe("a caller who wants core files", () => {
  it("has them of his programs, and not of what tsman starts for itself", async (context) => {
    requires(context, hardLimit !== "0", "no process here may have a core file");
    const { store } = stage();
    const script = "ulimit -c; test -e /again || { touch /again; exit 1; }; exec sleep 1000";
    const started = await runWrapped(store, withCores, [
      ..."run --detach --quiet --restart on-failure:1 --health-interval disable".split(" "),
      ...["--health-cmd", "ulimit -c", "busybox", "sh", "-c", script],
    ]);
    expect(started.stderr).toBe("");
    const id = started.stdout.trim();
    const logs = await until("the program to be started again", async () => {
      const { stdout } = await store.succeed(["logs", id]);
      return stdout.split("\n").length > 2 ? stdout : undefined;
    });
    expect(logs).toBe(`${hardLimit}\n${hardLimit}\n`);
    const exec = await runWrapped(store, withCores, ["exec", id, "sh", "-c", "ulimit -c"]);
    expect(exec.stdout).toBe(`${hardLimit}\n`);
    await store.succeed(["healthcheck", "run", id]);
    const health = await store.succeed(["inspect", "--format", "{{json .State.Health.Log}}", id]);
    expect(JSON.parse(health.stdout)[0].Output.trim()).toBe(hardLimit);

    const record = readFileSync(join(store.runtimeDir, id, "monitor"), "utf8");
    const monitor = Number(record.split(" ")[0]);
    expect(coreLimitOf(monitor)).toBe("0");
    for (const pid of childrenOf(monitor)) {
      const name = commandLineOf(pid)[0] ?? "";
      if (name.includes("slirp4netns")) expect(coreLimitOf(pid)).toBe("0");
    }
    await store.succeed(["rm", "--force", "--time=0", id]);
  });

  it("finds none of who copies files in the container", async (context) => {
    requires(context, hardLimit !== "0", "no process here may have a core file");
    const { store } = stage();
    await using container = await stage().background(..."busybox sleep 1000".split(" "));
    const files = async () =>
      (await store.succeed(["exec", container.id, "find", "/", "-xdev"])).stdout;
    const before = await files();
    const [program, ...words] = [...withCores, tsmanPath, "cp", "-", `${container.id}:/tmp`];
    const command = spawn(program, words, {
      env: store.environment(),
      stdio: ["pipe", "ignore", "ignore"],
    });
    const worker = await until("the worker", () =>
      findChild(
        command.pid ?? 0,
        (pid) =>
          commandLineOf(pid)[0]?.endsWith("/node") === true &&
          statSync(`/proc/${pid}/root/`).ino !== statSync("/").ino &&
          commandLineOf(pid).some((word) => word.includes("inside-worker")),
      ),
    );
    expect(coreLimitOf(worker)).toBe("0");
    process.kill(worker, "SIGSEGV");
    expect((await once(command, "exit"))[0]).toBe(125);
    expect(await files()).toBe(before);
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
