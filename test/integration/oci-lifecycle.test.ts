import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { requires } from "../support/must-work.ts";
import { isAlive } from "../support/proc.ts";
import { fileAppears, until } from "../support/wait.ts";
import { byNode, type Config, OciBundles, ociPath, ownNode } from "./oci-bundles.ts";
import { useStore } from "./support.ts";

const store = useStore();
let oci: OciBundles;

beforeAll(() => {
  oci = new OciBundles(store());
});

async function stopped(id: string): Promise<void> {
  await until(`${id} to stop`, async () =>
    (await oci.state(id)).status === "stopped" ? true : undefined,
  );
}

/** For a bundle: in these namespaces of a process. */
function joining(pid: number, types: readonly string[]): (config: Config) => void {
  return (config) => {
    for (const namespace of config.linux.namespaces) {
      const file = namespace.type === "mount" ? "mnt" : namespace.type;
      if (types.includes(namespace.type)) namespace.path = `/proc/${pid}/ns/${file}`;
    }
    delete config.linux.uidMappings;
    delete config.linux.gidMappings;
    if (types.includes("mount")) delete config.mounts;
  };
}

/** A container's processes, its first one first, when there are as many. */
async function processes(id: string, count: number): Promise<readonly number[]> {
  return await until(`${count} processes of ${id}`, async () => {
    const { stdout } = await oci.succeed(["ps", "--format", "json", id]);
    const found = JSON.parse(stdout) as number[];
    return found.length === count ? found : undefined;
  });
}

describe("the life of a container", () => {
  it("goes through created, running and stopped, and what is not allowed changes nothing", {
    timeout: 120_000,
  }, async () => {
    const bundle = oci.bundle("life", "echo runs >/tmp/x; exec sleep 1000");
    const pidFile = oci.file("life.pid");
    await oci.succeed(["create", "--bundle", bundle, "--pid-file", pidFile, "life"]);
    const created = await oci.state("life");
    expect(created).toMatchObject({
      ociVersion: "1.2.0",
      id: "life",
      status: "created",
      bundle,
      annotations: {},
    });
    // containerd takes the whole file for a number.
    expect(readFileSync(pidFile, "utf8")).toBe(String(created.pid));
    expect((await oci.run(["create", "--bundle", bundle, "life"])).stderr).toContain("exists");
    expect((await oci.run(["delete", "life"])).status).toBe(1);
    expect((await oci.run(["exec", "life", "true"])).status).not.toBe(0);
    expect((await oci.state("life")).status).toBe("created");

    // What has been changed since has no effect.
    writeFileSync(`${bundle}/config.json`, "{}");
    await oci.succeed(["start", "life"]);
    expect(await oci.state("life")).toMatchObject({ status: "running", pid: created.pid });
    const again = await oci.run(["start", "life"]);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain("cannot start a container that is running");
    expect((await oci.run(["delete", "life"])).status).toBe(1);
    expect(isAlive(created.pid)).toBe(true);

    await oci.succeed(["kill", "life", "KILL"]);
    await stopped("life");
    expect((await oci.state("life")).pid).toBe(0);
    const late = await oci.run(["kill", "life", "TERM"]);
    expect(late.status).toBe(1);
    expect(late.stderr).toContain("container not running");
    await oci.succeed(["delete", "life"]);
    expect((await oci.run(["state", "life"])).stderr).toContain("does not exist");
    expect((await oci.run(["delete", "life"])).status).toBe(1);
    await oci.succeed(["delete", "--force", "life"]);
    expect(readdirSync(oci.root)).toEqual([]);
  });

  it("leaves nothing when it cannot begin", async () => {
    const bundle = oci.bundle("broken", "", (config) => {
      config.process.args = ["no-such-program"];
    });
    const result = await oci.run(["create", "--bundle", bundle, "broken"]);
    expect(result.status).toBe(1);
    // The words by which Podman and containerd know what it is.
    expect(result.stderr).toContain("executable file not found in $PATH");
    expect(readdirSync(oci.root)).toEqual([]);
  });

  it("is over when its creator's container gets a signal before its start", async () => {
    const bundle = oci.bundle("early", "sleep 1000");
    await oci.succeed(["create", "--bundle", bundle, "early"]);
    await oci.succeed(["kill", "early", "TERM"]);
    await stopped("early");
    const start = await oci.run(["start", "early"]);
    expect(start.stderr).toContain("cannot start a container that is stopped");
    await oci.succeed(["delete", "early"]);
  });

  it("leaves nothing when its create is killed, whenever", { timeout: 120_000 }, async () => {
    // A hook holds it in the middle of its set-up.
    const held = oci.file("held");
    const hook = { path: "/bin/busybox", args: ["sh", "-c", `echo $PPID >${held}; sleep 60`] };
    const bundle = oci.bundle("killed", "true", (config) => {
      config.hooks = { prestart: [hook] };
    });
    const creator = oci.start(["create", "--bundle", bundle, "killed"]);
    await fileAppears(held);
    expect((await oci.state("killed")).status).toBe("creating");
    const { pid } = await oci.state("killed");
    const ended = once(creator, "exit");
    creator.kill("SIGKILL");
    await ended;
    await until("its first process to end", async () => (isAlive(pid) ? undefined : true));
    expect((await oci.run(["state", "killed"])).stderr).toContain("does not exist");
    expect((await oci.succeed(["list", "--quiet"])).stdout).toBe("");
    await oci.output("killed", "true");
    // Not even complete when it was killed, or on its way to be gone.
    mkdirSync(`${oci.root}/empty`);
    mkdirSync(`${oci.root}/:gone.4194304.0123abcd`);
    await oci.output("empty", "true");
    expect(readdirSync(oci.root)).toEqual([]);
  });

  it("ends with delete --force", async () => {
    const bundle = oci.bundle("forced", "sleep 1000");
    await oci.succeed(["run", "--detach", "--bundle", bundle, "forced"]);
    const { pid } = await oci.state("forced");
    await oci.succeed(["delete", "--force", "forced"]);
    expect(isAlive(pid)).toBe(false);
    expect(readdirSync(oci.root)).toEqual([]);
  });
});

describe("a subreaper that calls the runtime, as conmon does", () => {
  // Anybody else's end would be told to it as well, and be its to wait for.
  const subreaper = [ownNode, join(import.meta.dirname, "subreaper.ts")];

  it.each([
    ["Bun", []],
    ["Node", byNode],
  ])("has the first process as its only child from then on (%s)", async (engine, wrapper) => {
    const id = `adopted-${engine}`;
    const bundle = oci.bundle(id, "sleep 1000");
    const childrenAfter = async (...args: readonly string[]): Promise<readonly number[]> =>
      JSON.parse((await oci.succeed(args, [...subreaper, ...wrapper])).stdout);
    const pidFile = oci.file(`${id}.pid`);
    const pid = (): number => Number(readFileSync(pidFile, "utf8"));
    for (const args of [["create"], ["run", "--detach"]]) {
      const children = await childrenAfter(...args, "--bundle", bundle, "--pid-file", pidFile, id);
      expect(children, args.join(" ")).toEqual([pid()]);
      if (args[0] === "create") await oci.succeed(["delete", "--force", id]);
    }
    const joined = ["exec", "--detach", "--pid-file", pidFile, id, "sleep", "1000"];
    expect(await childrenAfter(...joined), "exec").toEqual([pid()]);
    await oci.succeed(["delete", "--force", id]);
  });
});

describe("run", () => {
  it("hands on the program's output and status, and deletes the container", async () => {
    const bundle = oci.bundle("status", "echo out; echo err >&2; exit 7");
    const { status, stdout, stderr } = await oci.run(["run", "--bundle", bundle, "status"]);
    expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: "out\n", stderr: "err\n" });
    expect(readdirSync(oci.root)).toEqual([]);
  });

  it("leaves a container alone that another process's session was about", async () => {
    const bundle = oci.bundle("kept", "sleep 1000");
    await oci.succeed(["run", "--detach", "--bundle", bundle, "kept"]);
    try {
      for (const report of ["failed kept", "failed 1 kept", "lost 1 kept"]) {
        const wrapper = ["env", `TSMAN_SESSION=${report}`];
        const { stderr } = await oci.run(["run", "--bundle", bundle, "kept"], wrapper);
        expect(stderr).toContain("container with id exists");
      }
      expect((await oci.state("kept")).status).toBe("running");
    } finally {
      await oci.succeed(["delete", "--force", "kept"]);
    }
  });

  it("is not kept from its own files by a umask, and leaves none behind", async () => {
    const bundle = oci.bundle("umask", "umask; echo ran");
    const wrapper = ["sh", "-c", 'umask 777; exec "$@"', "sh"];
    const { stdout } = await oci.succeed(["run", "--bundle", bundle, "umask"], wrapper);
    expect(stdout).toBe("0022\nran\n");
    expect(readdirSync(oci.root)).toEqual([]);
  });

  it("tells of a rest that cannot be removed, and goes on", async () => {
    // Of a process that there is not (pid_max of proc_sys_kernel(5) is 2^22 at most).
    const rest = join(oci.root, ":rest.4194305.0123456789abcdef");
    mkdirSync(oci.root, { recursive: true, mode: 0o700 });
    mkdirSync(rest, { mode: 0 });
    try {
      const { stdout, stderr } = await oci.succeed(["delete", "--force", "nobody"]);
      expect(stdout).toBe("");
      expect(stderr).toContain(`remove ${rest}: permission denied`);
    } finally {
      rmdirSync(rest);
    }
  });

  it("takes an id of 255 characters, and none longer", async () => {
    const bundle = oci.bundle("long-id", "echo ran");
    const id = "i".repeat(255);
    expect((await oci.succeed(["run", "--bundle", bundle, id])).stdout).toBe("ran\n");
    await oci.succeed(["create", "--bundle", bundle, id]);
    await oci.succeed(["start", id]);
    await oci.succeed(["delete", "--force", id]);
    expect((await oci.run(["run", "--bundle", bundle, `${id}i`])).stderr).toContain("not an id");
  });

  it("says 127 for a program that is not there, in the log too", async () => {
    const bundle = oci.bundle("absent", "", (config) => {
      config.process.args = ["/absent"];
    });
    const log = oci.file("log.json");
    const run = ["run", "--pid-file", oci.file("absent.pid"), "--bundle", bundle, "absent"];
    const words = ["--log", log, "--log-format", "json", ...run];
    expect((await oci.run(words)).status).toBe(127);
    expect(existsSync(oci.file("absent.pid"))).toBe(false);
    expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({
      level: "error",
      msg: expect.stringContaining("/absent"),
      time: expect.stringMatching(/^\d{4}-/),
    });
  });
});

describe("a running container", () => {
  it("takes programs of its own kind, and tells of its processes", {
    timeout: 120_000,
  }, async () => {
    const bundle = oci.bundle("busy", "sleep 1000", (config) => {
      config.process.capabilities = { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"] };
    });
    await oci.succeed(["run", "--detach", "--bundle", bundle, "busy"]);
    const script = "readlink /proc/1/ns/pid; grep CapBnd /proc/self/status; echo $A; exit 4";
    const exec = await oci.run(["exec", "--env", "A=b c", "busy", "sh", "-c", script]);
    expect(exec.status).toBe(4);
    expect(exec.stdout).toMatch(/^pid:\[\d+\]\nCapBnd:\s0000000000000020\nb c\n$/);

    const file = oci.file("process.json");
    const process = {
      user: { uid: 0, gid: 0 },
      args: ["busybox", "pwd"],
      cwd: "/home",
      env: ["PATH=/bin"],
    };
    writeFileSync(file, JSON.stringify(process));
    expect((await oci.succeed(["exec", "--process", file, "busy"])).stdout).toBe("/home\n");
    for (const beside of [
      ["busy", "pwd"],
      ["--env", "A=b", "busy"],
    ]) {
      const { stderr } = await oci.run(["exec", "--process", file, ...beside]);
      expect(stderr).toContain("use --process with");
    }
    writeFileSync(file, JSON.stringify({ ...process, cwd: "home" }));
    expect((await oci.run(["exec", "--process", file, "busy"])).stderr).toContain("/cwd:");

    const { pid } = await oci.state("busy");
    const pids = JSON.parse((await oci.succeed(["ps", "--format", "json", "busy"])).stdout);
    expect(pids[0]).toBe(pid);
    const list = JSON.parse((await oci.succeed(["list", "--format", "json"])).stdout);
    expect(list).toMatchObject([{ id: "busy", pid, status: "running" }]);
    expect((await oci.succeed(["list", "--quiet"])).stdout).toBe("busy\n");
    await oci.succeed(["delete", "--force", "busy"]);
  });

  it("has its own processes alone, in a pid namespace that others share as well", async () => {
    const busy = "sleep 1000 & sleep 1000 & wait";
    await oci.succeed(["run", "--detach", "--bundle", oci.bundle("owner", busy), "owner"]);
    const owner = (await oci.state("owner")).pid;
    const guest = oci.bundle("guest", busy, joining(owner, ["user", "pid"]));
    await oci.succeed(["run", "--detach", "--bundle", guest, "guest"]);
    const { pid } = await oci.state("guest");
    const own = await processes("guest", 3);
    expect(own[0]).toBe(pid);
    expect(own).not.toContain(owner);
    await oci.succeed(["pause", "guest"]);
    expect((await oci.state("owner")).status).toBe("running");
    await oci.succeed(["resume", "guest"]);
    await oci.succeed(["kill", "guest", "0"]);
    await oci.succeed(["kill", "--all", "guest", "KILL"]);
    await stopped("guest");
    // The first process may be gone before the others, which it does not hold up.
    await until("all of them to be gone", () => !own.some(isAlive) || undefined);
    expect(isAlive(owner)).toBe(true);
    // What is left without its first process would get it; there is nothing left here.
    await oci.succeed(["kill", "--all", "guest", "KILL"]);
    expect((await oci.run(["kill", "guest", "0"])).status).toBe(1);
    await oci.succeed(["delete", "guest"]);
    await oci.succeed(["delete", "--force", "owner"]);
  });

  it.each([
    { shared: ["user", "pid"], what: "a pid namespace" },
    { shared: ["user", "pid", "mount"], what: "pid and mount namespace" },
  ])(
    "takes all its processes with it, and nobody else's, where it shares $what",
    async ({ shared }) => {
      const [owner, guest] = [`owner-${shared.length}`, `guest-${shared.length}`];
      const busy = "sleep 1000 & sleep 1000 & wait";
      await oci.succeed(["run", "--detach", "--bundle", oci.bundle("owner", busy), owner]);
      const others = await processes(owner, 3);
      // One of its own has namespaces of its own, and each has started another.
      const script =
        "busybox unshare -Um sh -c 'sleep 1000 & wait' & sh -c 'sleep 1000 & wait' & wait";
      const bundle = oci.bundle("guest", script, joining(others[0] as number, shared));
      await oci.succeed(["run", "--detach", "--bundle", bundle, guest]);
      const own = await processes(guest, 5);
      for (const one of others) expect(own).not.toContain(one);
      await oci.succeed(["delete", "--force", guest]);
      for (const one of own) expect(isAlive(one)).toBe(false);
      for (const one of others) expect(isAlive(one)).toBe(true);
      await oci.succeed(["delete", "--force", owner]);
      expect(readdirSync(oci.root)).toEqual([]);
    },
  );

  it("can be paused and resumed", async () => {
    const bundle = oci.bundle("still", "sleep 1000");
    await oci.succeed(["run", "--detach", "--bundle", bundle, "still"]);
    expect((await oci.run(["resume", "still"])).stderr).toContain("it is running, not paused");
    await oci.succeed(["pause", "still"]);
    expect((await oci.state("still")).status).toBe("paused");
    expect((await oci.run(["exec", "still", "true"])).stderr).toContain("that is paused");
    await oci.succeed(["resume", "still"]);
    expect((await oci.state("still")).status).toBe("running");
    await oci.succeed(["delete", "--force", "still"]);
  });
});

/** Listens, has as many connections as may wait, and accepts none. */
const deafListener = `
const { connect, createServer } = require("node:net");
const [, path] = process.argv;
createServer().listen({ path, backlog: 1 }, () => {
  for (let number = 0; number < 4; number += 1) connect(path).on("error", () => {});
  process.stdout.write("deaf");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

describe("conmon", () => {
  it("does not wait for who accepts no terminal", async () => {
    const socket = oci.file("full");
    const listening = spawn(ownNode, ["-e", deafListener, socket], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(listening.stdout, "data");
    const bundle = oci.bundle("unheard", "true", (config) => (config.process.terminal = true));
    const result = await oci.run([
      "create",
      "--bundle",
      bundle,
      "--console-socket",
      socket,
      "unheard",
    ]);
    listening.kill();
    expect(result.stderr).toContain(`connect console socket ${socket}`);
    expect(result.status).toBe(1);
    expect((await oci.succeed(["list", "--quiet"])).stdout).not.toContain("unheard");
  });

  it("creates a container on a terminal, and is told of its end", async (context) => {
    const conmon = spawnSync("conmon", ["--version"]);
    requires(context, conmon.status === 0, "conmon is not installed");
    const directory = oci.file("conmon");
    // conmon makes a directory there with the name that the file about the end has here.
    const sockets = oci.file("conmon-sockets");
    for (const name of [directory, sockets]) mkdirSync(name);
    const bundle = oci.bundle("watched", "tty; exit 9", (config) => {
      config.process.terminal = true;
    });
    const started = spawnSync(
      "conmon",
      [
        ...["--api-version", "1", "-c", "watched", "-u", "watched", "-n", "watched"],
        ...["-r", ociPath, "--runtime-arg", "--root", "--runtime-arg", oci.root],
        ...["-b", bundle, "-p", `${directory}/pid`, "--exit-dir", directory, "-t"],
        ...["-l", `k8s-file:${directory}/log`, "--socket-dir-path", sockets],
      ],
      { env: store().environment() as NodeJS.ProcessEnv, encoding: "utf8" },
    );
    expect(started.stderr.replaceAll(/^\[conmon:.*oom_score_adj.*\n/gm, "")).toBe("");
    await fileAppears(`${directory}/pid`);
    await oci.succeed(["start", "watched"]);
    await fileAppears(`${directory}/watched`);
    expect(readFileSync(`${directory}/watched`, "utf8")).toBe("9");
    expect(readFileSync(`${directory}/log`, "utf8")).toContain("stdout F /dev/pts/0");
    await oci.succeed(["delete", "watched"]);
    expect(existsSync(`${oci.root}/watched`)).toBe(false);
  });
});

describe("the command line", () => {
  it("writes a config.json that runs, and refuses to overwrite one", async () => {
    const directory = oci.file("spec");
    mkdirSync(directory);
    await oci.succeed(["spec", "--rootless", "--bundle", directory]);
    const again = await oci.run(["spec", "--bundle", directory]);
    expect(again.stderr).toContain("config.json");
    const config = JSON.parse(readFileSync(`${directory}/config.json`, "utf8"));
    config.root.path = oci.rootfs;
    config.process.terminal = false;
    config.process.args = ["/bin/busybox", "id", "-u"];
    writeFileSync(`${directory}/config.json`, JSON.stringify(config));
    expect((await oci.succeed(["run", "--bundle", directory, "spec"])).stdout).toBe("0\n");
  });

  it("tells what it knows", async () => {
    const features = JSON.parse((await oci.succeed(["features"])).stdout);
    expect(features.ociVersionMax).toBe("1.2.0");
    expect(features.potentiallyUnsafeConfigAnnotations).toEqual(["run.oci.keep_original_groups"]);
    expect(features.hooks).toHaveLength(6);
    expect(features.linux.namespaces).toContain("time");
    expect((await oci.succeed(["--version"])).stdout).toMatch(/^tsman-oci version .*\nspec: 1\.2/);
  });

  it("names what it does not know", async () => {
    expect((await oci.run(["fly"])).stderr).toContain("there is no such command");
    expect((await oci.run(["state", "--loud", "x"])).stderr).toContain("--loud");
    expect((await oci.run(["state"])).stderr).toContain("an operand is missing");
    expect((await oci.run(["state", "../life"])).stderr).toContain("does not exist");
    const bundle = oci.bundle("named", "true");
    const result = await oci.run(["create", "--bundle", bundle, "a/b"]);
    expect(result.stderr).toContain("not an id");
  });
});
