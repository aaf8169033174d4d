import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it } from "vitest";
import { tryLockFile } from "../../src/platform/file-lock.ts";
import { processStartTime } from "../../src/platform/process-start-time.ts";
import { freePorts } from "../support/free-port.ts";
import { processEnds } from "../support/pidfd.ts";
import { commandLineOf, findChild, findProcesses, isAlive, statusOf } from "../support/proc.ts";
import { until } from "../support/wait.ts";
import { projectRoot, tsmanPath, useStore } from "./support.ts";
import { directoriesOf, expectNothingRuns, processesOf } from "./traces.ts";
import { runShell } from "./wrapped.ts";

const store = useStore();

afterEach(async () => {
  await store().succeed(["rm", "--force", "--time", "0", "--all"]);
  await expectNothingRuns(store());
  expect(directoriesOf(store())).toEqual([]);
  expect(await store().run(["system", "check", "--quick"])).toMatchObject({
    stdout: "",
    stderr: "",
    status: 0,
  });
});

describe("a removal that is killed", () => {
  it("keeps others from the container until what it has begun is done", async () => {
    // Enough for the removal to be caught at its work.
    const fill = "mkdir /many && cd /many && seq 40000 | xargs touch";
    await store().succeed([
      ...["run", "--name", "half", "--network", "none", "busybox", "sh", "-c", fill],
    ]);
    const { stdout: id } = await store().succeed(["inspect", "--format", "{{.Id}}", "half"]);
    const lock = join(store().runtimeDir, id.trim(), "lock");
    const removal = store().start(["rm", "half"]);
    const worker = await until("the files to be removed", () =>
      findChild(removal.pid, (pid) => commandLineOf(pid).includes("rmtree")),
    );
    const ends = processEnds(worker);
    process.kill(worker, "SIGSTOP");
    try {
      removal.child.kill("SIGKILL");
      await removal.ended;
      expect(isAlive(worker)).toBe(true);
      expect(tryLockFile(lock)).toBeUndefined();
    } finally {
      process.kill(worker, "SIGCONT");
    }
    await ends;
    const { status, stderr } = await store().run(["start", "half"]);
    expect(stderr).toContain("its files are gone");
    expect(status).toBe(125);
    await store().succeed(["rm", "half"]);
  });
});

type Part = "monitor" | "slirp4netns" | "init" | "command line";

/** A container with a network, a published port and, in the foreground, a command line. */
async function start(options: string, port?: number) {
  const command = store().start([
    ...["run", ...options.split(" ").filter(Boolean), "--name", "victim"],
    ...(port === undefined ? [] : ["-p", `127.0.0.1:${port}:80`]),
    ...["busybox", "sh", "-c", "echo ready; exec sleep 1000"],
  ]);
  command.endInput();
  if (options.includes("--detach")) await command.ended;
  else await command.stdout.until("ready");
  const { stdout } = await store().succeed(["ps", "--format", "{{.Pid}}"]);
  const init = Number(stdout);
  const monitor = Number(statusOf(init).PPid);
  const [helper = 0] = findProcesses(
    (pid) =>
      Number(statusOf(pid).PPid) === monitor && /slirp4netns/.test(commandLineOf(pid)[0] ?? ""),
  );
  expect(helper).toBeGreaterThan(0);
  const pids: Record<Part, number> = {
    monitor,
    init,
    slirp4netns: helper,
    "command line": command.pid,
  };
  return { command, pids };
}

/** Fails while somebody else listens there. */
async function bind(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}

function isBelow(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1; at = Number(statusOf(at).PPid)) if (at === ancestor) return true;
  return false;
}

async function shown(format = "{{.Names}} {{.State}}"): Promise<string> {
  return (await store().succeed(["ps", "--all", "--format", format])).stdout.trim();
}

const foreground: readonly (readonly Part[])[] = [
  ["monitor"],
  ["init"],
  ["monitor", "init"],
  ["monitor", "command line"],
  ["init", "command line"],
  ["slirp4netns", "monitor"],
  ["slirp4netns", "init"],
  ["monitor", "slirp4netns", "init", "command line"],
];

describe.each([
  ["a run", ""],
  ["a run --rm", "--rm"],
])("kill -9, in %s", (_, remove) => {
  // With a port Node stays; without, the native session takes its place.
  describe.each(["Node", "the native session"])("whose command line is %s", (kind) => {
    it.each(foreground.map((parts) => [parts.join(" and "), parts] as const))(
      "of %s: all of it ends, and is told as it was",
      async (_names, parts) => {
        const port = kind === "Node" ? await freePorts() : undefined;
        const { command, pids } = await start(`${remove} --stop-timeout 0`.trim(), port);
        const ends = Object.values(pids).map((pid) => processEnds(pid));
        for (const part of parts) process.kill(pids[part], "SIGKILL");
        await Promise.all(ends);
        const { status, signal } = await command.ended;
        const isKnown = parts.includes("init") && !parts.includes("monitor");
        // Nobody knows how it ended without its monitor; with it, it was the signal.
        if (parts.includes("command line")) expect(signal).toBe("SIGKILL");
        else expect(isKnown ? [137] : [125, 137]).toContain(status);
        expect(await shown()).toBe(remove === "" ? "victim exited" : "");
        if (remove === "" && isKnown) expect(await shown("{{.Status}}")).toMatch(/^Exited \(137\)/);
        if (port !== undefined) await bind(port);
        expect(processesOf(store())).toEqual([]);
      },
    );
  });
});

it("of the command line alone leaves the container running", async () => {
  const { command, pids } = await start("--stop-timeout 0", await freePorts());
  process.kill(pids["command line"], "SIGKILL");
  await command.ended;
  expect(await shown()).toBe("victim running");
  expect(isAlive(pids.init)).toBe(true);
});

it("of the monitor does not leave a program behind that has become another user", async () => {
  // A change of ids clears what the kernel would do at the end of the parent: prctl(2).
  const command = ["su", "nobody", "-s", "/bin/sh", "-c", "echo ready; exec sleep 1000"];
  for (const verbs of ["ps --all", "rm victim", "start victim", "run --name victim --replace"]) {
    const created = await store().succeed([
      ..."run --detach --network none --replace --name victim busybox".split(" "),
      ...command,
    ]);
    const id = created.stdout.trim();
    await until("the program", async () =>
      (await store().succeed(["logs", "victim"])).stdout.includes("ready") ? true : undefined,
    );
    const init = Number((await store().succeed(["ps", "--format", "{{.Pid}}"])).stdout);
    const ended = processEnds(init);
    process.kill(Number(statusOf(init).PPid), "SIGKILL");
    const monitor = readFileSync(join(store().runtimeDir, id, "monitor"), "utf8");
    await until("the monitor's end", () =>
      isAlive(Number(monitor.split(" ")[0])) ? undefined : true,
    );
    expect(isAlive(init)).toBe(true);
    const rest = verbs.startsWith("run") ? "--network none busybox true".split(" ") : [];
    await store().succeed([...verbs.split(" "), ...rest]);
    await ended;
    expect(isAlive(init)).toBe(false);
  }
});

it("of the monitor of run --rm, which removes its volume, ends such a program as well", async () => {
  const command = store().start([
    ..."run --rm --network none --volume /data --name victim busybox".split(" "),
    ...["su", "nobody", "-s", "/bin/sh", "-c", "echo ready; exec sleep 1000"],
  ]);
  await command.stdout.until("ready");
  const init = Number((await store().succeed(["ps", "--format", "{{.Pid}}"])).stdout);
  const ended = processEnds(init);
  process.kill(Number(statusOf(init).PPid), "SIGKILL");
  expect((await command.ended).status).toBe(125);
  await ended;
  expect(await shown()).toBe("");
});

it.each(["cp - victim:/", "cp - idle:/"])(
  "of who copies (%s) ends the worker at once, whatever that is doing",
  async (verb) => {
    const run = "run --quiet --network none --name".split(" ");
    await store().succeed([...run, "idle", ..."busybox true".split(" ")]);
    await store().succeed([...run, "victim", "-d", ..."busybox sleep 1000".split(" ")]);
    const command = spawn(tsmanPath, verb.split(" "), {
      env: store().environment(),
      stdio: ["pipe", "ignore", "ignore"],
    });
    const isWorker = (pid: number) =>
      isBelow(pid, command.pid ?? 0) &&
      commandLineOf(pid).some((word) => word.includes("inside-worker"));
    const isNode = (pid: number) => commandLineOf(pid)[0]?.endsWith("/node") ?? false;
    // The others start it, and what they have had done for it (newuidmap) is over once it is there:
    // hence another look.
    const workers = await until("the worker", () =>
      findProcesses((pid) => isWorker(pid) && isNode(pid)).length > 0
        ? findProcesses(isWorker)
        : undefined,
    );
    const ended = Promise.all(workers.map((pid) => processEnds(pid)));
    // It does not come to notice that nothing more is to be read.
    for (const worker of workers) process.kill(worker, "SIGSTOP");
    command.kill("SIGKILL");
    await ended;
    command.stdin.destroy();
  },
);

it("a worker whose starter has ended before does not begin", () => {
  const program = join(projectRoot, "dist/libexec/tsman-native");
  const start = (parent: number) => {
    const args = ["userns", "--worker", String(parent), "--", "/bin/echo", "begun"];
    const { status, stdout } = spawnSync(program, args, { encoding: "utf8" });
    return { status, stdout };
  };
  expect(start(process.pid)).toEqual({ status: 0, stdout: "begun\n" });
  expect(start(1)).toEqual({ status: 1, stdout: "" });
});

it("of slirp4netns leaves the container running, whose port is free for others", async () => {
  const port = await freePorts();
  const { pids } = await start("--detach --stop-timeout 0", port);
  process.kill(pids.slirp4netns, "SIGKILL");
  await processEnds(pids.slirp4netns);
  expect(await shown()).toBe("victim running");
  await bind(port);
  await store().succeed(["restart", "--time", "0", "victim"]);
  await expect(bind(port)).rejects.toThrow("EADDRINUSE");
});

it("of an exec's parts leaves the container as it was", async () => {
  await start("--detach --stop-timeout 0", await freePorts());
  for (const hasMonitor of [true, false]) {
    // What nobody else executes: other tests run at the same time.
    const sleep = `sleep 2718${process.pid}`;
    const session = store().start(["exec", "victim", "sh", "-c", `echo in; exec ${sleep}`]);
    await session.stdout.until("in");
    const program = await until("the program", () =>
      findProcesses(
        (pid) =>
          commandLineOf(pid).join(" ") === sleep && statusOf(pid).NSpid?.endsWith("\t1") === false,
      ).at(0),
    );
    const monitor = Number(statusOf(program).PPid);
    process.kill(hasMonitor ? monitor : program, "SIGKILL");
    await processEnds(program);
    const { status } = await session.ended;
    expect(status).toBe(hasMonitor ? 125 : 137);
    expect(await shown()).toBe("victim running");
  }
  expect((await store().succeed(["exec", "victim", "echo", "on"])).stdout).toBe("on\n");
});

it("a reboot: what ran has exited, what was --rm is gone, and all starts again", async () => {
  const run = "run --detach --stop-timeout 0 --network none".split(" ");
  await store().succeed([...run, "--name", "kept", "busybox", "sleep", "1000"]);
  await store().succeed([...run, "--name", "passing", "--rm", "busybox", "sleep", "1000"]);
  const pids = (await store().succeed(["ps", "--format", "{{.Pid}}"])).stdout.trim().split("\n");
  const ends = pids.map((pid) => processEnds(Number(pid)));
  for (const pid of pids) process.kill(Number(statusOf(Number(pid)).PPid), "SIGKILL");
  await Promise.all(ends);
  rmSync(store().runtimeDir, { recursive: true });
  // The kernel has one boot id; in a mount namespace of its own tsman sees another.
  writeFileSync(join(store().scratch, "boot"), "11111111-2222-4333-8444-555555555555\n");
  const { stdout, stderr, status } = await runShell(
    store(),
    `mount --bind boot /proc/sys/kernel/random/boot_id || exit 99
     t() { ${join(import.meta.dirname, "../../bin/tsman")} "$@"; }
     t ps --all --format '{{.Names}} {{.Status}}'
     t system check --repair >/dev/null; echo "check $?"`,
  );
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^kept Exited \(unknown\)[^\n]*\ncheck 0\n$/);
  expect(status).toBe(0);
  await store().succeed(["start", "kept"]);
  expect(await shown()).toBe("kept running");
});

it("after a reboot that the run directory has survived, nobody is taken for a container", async () => {
  const run = "run --detach --stop-timeout 0 --network none".split(" ");
  await store().succeed([...run, "--name", "plain", "busybox", "sleep", "1000"]);
  await store().succeed([
    ...run,
    "--name",
    "again",
    "--restart=always",
    "busybox",
    "sleep",
    "1000",
  ]);
  await store().succeed("create --name held --network none busybox sleep 1000".split(" "));
  await store().succeed(["init", "held"]);
  const stranger = spawn("sleep", ["1000"], { stdio: "ignore" });
  const pid = stranger.pid as number;
  // Its pid and start time are what those of the container were, by chance.
  const identity = `${pid} ${processStartTime(pid)}\n`;
  const directories = readdirSync(store().runtimeDir).map((id) => join(store().runtimeDir, id));
  const found = directories.map((directory) => ({
    directory,
    pid: Number(readFileSync(join(directory, "init"), "utf8").split(" ")[0]),
  }));
  const ends = found.map((one) => processEnds(one.pid));
  for (const one of found) process.kill(Number(statusOf(one.pid).PPid), "SIGKILL");
  await Promise.all(ends);
  for (const { directory } of found) {
    for (const name of ["monitor", "init"]) writeFileSync(join(directory, name), identity);
  }
  writeFileSync(join(store().scratch, "boot"), "11111111-2222-4333-8444-555555555555\n");
  try {
    const { stdout, stderr } = await runShell(
      store(),
      `mount --bind boot /proc/sys/kernel/random/boot_id || exit 99
       t() { ${tsmanPath} "$@"; }
       t ps --all --sort names --format '{{.Names}} {{.Status}}'
       t stop again
       for name in held plain again; do t rm --force $name; done`,
    );
    expect(stderr).toBe("");
    expect(stdout).toBe(
      "again Exited (unknown)\nheld Created\nplain Exited (unknown)\nagain\nheld\nplain\nagain\n",
    );
    expect(isAlive(pid)).toBe(true);
  } finally {
    stranger.kill("SIGKILL");
  }
});

it("a store that a newer version has made is refused by every verb, and left as it is", async () => {
  await store().succeed(["create", "--name", "one", "busybox"]);
  const database = new DatabaseSync(join(store().root, "store.db"));
  const version = database.prepare("PRAGMA user_version").get()?.user_version;
  database.exec("PRAGMA user_version = 9999");
  try {
    for (const args of [
      "ps",
      "run --rm busybox true",
      "rm one",
      "system check --repair",
      "rmi --all",
    ]) {
      const { status, stderr } = await store().run(args.split(" "));
      expect(stderr).toMatch(/its format is 9999, this tsman knows up to \d+/);
      expect(status).toBe(125);
    }
    expect(database.prepare("SELECT count(*) AS n FROM containers").get()).toEqual({ n: 1 });
  } finally {
    database.exec(`PRAGMA user_version = ${Number(version)}`);
    database.close();
  }
});
