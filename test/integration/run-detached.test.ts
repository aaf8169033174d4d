import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { processEnds } from "../support/pidfd.ts";
import { isAlive, statusOf } from "../support/proc.ts";
import { until } from "../support/wait.ts";
import { background, trySh } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();
const detached = "run --detach --network none".split(" ");

async function listed(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await store().succeed(["ps", "--format", "{{.Names}}", ...args]);
  return stdout.split("\n").filter(Boolean);
}

describe("run --detach", () => {
  it("prints the id alone and leaves the container running, with tsman gone", async () => {
    await using container = await background(store(), "--name alone");
    expect(container.id).toMatch(/^[0-9a-f]{64}$/);
    expect(await listed()).toEqual(["alone"]);
    // The monitor leads a session of its own: the end of ours is nothing to it.
    const monitor = Number(statusOf(container.pid).PPid);
    expect(statusOf(monitor).NSsid).toBe(String(monitor));
    expect(statusOf(container.pid).Name).toBe("sleep");
  });

  it("gives the program no input, and its output to the log only", async () => {
    const { stdout, stderr } = await store().succeed([
      ...detached,
      ..."--name said busybox sh -c".split(" "),
      "cat; echo out; echo err >&2",
    ]);
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(stderr.split("\n").filter((line) => !line.startsWith("Layer"))).toEqual([""]);
    expect((await store().succeed(["wait", "said"])).stdout).toBe("0\n");
    const logs = await store().succeed(["logs", "said"]);
    expect(logs.stdout).toBe("out\n");
    expect(logs.stderr).toBe("err\n");
    await store().succeed(["rm", "said"]);
  });

  it("says why a program cannot start, with its status, and leaves nothing", async () => {
    const { status, stdout, stderr } = await store().run([...detached, "busybox", "no-such"]);
    expect(stdout).toBe("");
    expect(stderr).toContain("no-such");
    expect(status).toBe(127);
    expect(await listed("--all")).toEqual([]);
  });

  it("may have a terminal", async () => {
    const { stdout } = await store().succeed([
      ...detached,
      ..."-t --name with-tty busybox sh -c".split(" "),
      "tty; sleep 1000",
    ]);
    const logs = store().start(["logs", "--follow", stdout.trim()]);
    await logs.stdout.until("/dev/pts/0");
    await store().succeed("rm --force --time 0 with-tty".split(" "));
    await logs.ended;
  });
});

describe("logs --follow", () => {
  it("gives every line as it comes, and ends with the container", async () => {
    await using container = await background(store(), "", [
      "sh",
      "-c",
      "trap 'echo second; exit 0' USR1; echo first; sleep 1000 & wait",
    ]);
    const logs = store().start(["logs", "-f", container.id]);
    await logs.stdout.until("first\n");
    await store().succeed(["kill", "--signal", "USR1", container.id]);
    const { stdout, status } = await logs.ended;
    expect(stdout).toBe("first\nsecond\n");
    expect(status).toBe(0);
  });
});

describe("stop", () => {
  it("sends SIGTERM, which a program may take as it likes", async () => {
    await using container = await background(store(), "", [
      "sh",
      "-c",
      "trap 'echo bye; exit 9' TERM; echo ready; sleep 1000 & wait",
    ]);
    const logs = store().start(["logs", "-f", container.id]);
    await logs.stdout.until("ready");
    await store().succeed(["stop", container.id]);
    expect((await logs.ended).stdout).toBe("ready\nbye\n");
    expect((await store().succeed(["wait", container.id])).stdout).toBe("9\n");
  });

  it("sends the signal of --stop-signal, or of the image", async () => {
    await using container = await background(store(), "--stop-signal USR2", [
      "sh",
      "-c",
      "trap 'exit 12' USR2; echo ready; sleep 1000 & wait",
    ]);
    const logs = store().start(["logs", "-f", container.id]);
    await logs.stdout.until("ready");
    await store().succeed(["stop", container.id]);
    await logs.ended;
    expect((await store().succeed(["wait", container.id])).stdout).toBe("12\n");
  });

  it("sends the signal of --signal instead, as restart does", async () => {
    const script =
      "trap 'echo one' USR1; trap 'exit 12' USR2; echo ready; while :; do sleep 0.05; done";
    await using container = await background(store(), "--stop-signal USR1", ["sh", "-c", script]);
    const logs = store().start(["logs", "-f", container.id]);
    await logs.stdout.until("ready");
    await store().succeed(["restart", "--signal", "SIGUSR2", container.id]);
    await logs.stdout.until("ready\nready");
    await store().succeed(["stop", "-s", "12", container.id]);
    expect((await logs.ended).stdout).toBe("ready\nready\n");
    expect((await store().succeed(["wait", container.id])).stdout).toBe("12\n");
    expect((await store().run(["stop", "--signal", "NOPE", container.id])).status).toBe(125);
  });

  it("kills after --stop-timeout, or what --time says", async () => {
    // Pid 1 does not hear SIGTERM unless it asks to: pid_namespaces(7).
    await using container = await background(store(), "--stop-timeout 0");
    await store().succeed(["stop", container.id]);
    expect(isAlive(container.pid)).toBe(false);
    expect((await store().succeed(["wait", container.id])).stdout).toBe("137\n");
    await using other = await background(store(), "");
    await store().succeed(["stop", "--time", "0", other.id]);
    expect(isAlive(other.pid)).toBe(false);
  });
});

describe("kill, wait and rm", () => {
  it("kill sends SIGKILL, or another signal; then there is nothing to kill", async () => {
    await using container = await background(store(), "--name killed");
    const waiting = store().start(["wait", "killed"]);
    await store().succeed(["kill", "killed"]);
    expect((await waiting.ended).stdout).toBe("137\n");
    const again = await store().run(["kill", "killed"]);
    expect(again.stderr).toContain("killed");
    expect(again.status).not.toBe(0);
    expect(isAlive(container.pid)).toBe(false);
  });

  it("rm refuses a container that runs, and removes it with --force", async () => {
    await using container = await background(store(), "--name kept");
    const { status, stderr } = await store().run(["rm", "kept"]);
    expect(stderr).toContain("it is running");
    expect(stderr).toContain("tsman rm --force kept");
    expect(status).toBe(2);
    await store().succeed(["rm", "--force", "--time", "0", "kept"]);
    expect(isAlive(container.pid)).toBe(false);
    expect(await listed("--all")).toEqual([]);
    expect(readdirSync(join(store().root, "containers"))).toEqual([]);
    expect(readdirSync(store().runtimeDir)).toEqual([]);
  });

  it("name what is not there", async () => {
    for (const verb of ["kill", "stop", "wait", "logs", "rm"]) {
      const { status, stderr } = await store().run([verb, "nobody"]);
      expect(stderr, verb).toContain('"nobody": no such container');
      expect(status, verb).not.toBe(0);
    }
  });
});

describe("--rm", () => {
  it("removes a container of --detach when it ends", async () => {
    const container = await background(store(), "--rm --volume /anonymous");
    process.kill(container.pid, "SIGKILL");
    await nothingLeft();
  });

  it("removes the container, files of other ids included, when tsman is killed with -9", async () => {
    const pidFile = join(store().scratch, "pid-of-killed");
    const tsman = store().start([
      ..."run --rm --network none --pidfile".split(" "),
      pidFile,
      ..."busybox sh -c".split(" "),
      "mkdir /kept; touch /kept/file; chown -R 5:5 /kept; echo ready; exec sleep 1000",
    ]);
    await tsman.stdout.until("ready");
    tsman.child.kill("SIGKILL");
    await tsman.ended;
    const pid = Number(readFileSync(pidFile, "utf8"));
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
    await processEnds(pid);
    await nothingLeft();
  });
});

describe("a container whose monitor is killed", () => {
  it("ends with it, and its exit status is unknown rather than 0", async () => {
    await using container = await background(store(), "--name bereft");
    process.kill(Number(statusOf(container.pid).PPid), "SIGKILL");
    await processEnds(container.pid);
    expect(await listed()).toEqual([]);
    const { status, stderr } = await store().run(["wait", "bereft"]);
    expect(stderr).toContain("nothing recorded how it ended");
    expect(status).toBe(125);
  });
});

describe("--name and --replace", () => {
  it("a name that is in use is an error that names its holder", async () => {
    await using container = await background(store(), "--name taken");
    const { status, stderr } = await store().run([
      ...detached,
      "--name",
      "taken",
      "busybox",
      "true",
    ]);
    expect(stderr).toContain("taken");
    expect(stderr).toContain(container.id.slice(0, 12));
    expect(status).toBe(125);
  });

  it("--replace takes the place of the one of that name, running or not", async () => {
    await using first = await background(store(), "--name place --stop-timeout 0");
    await using second = await background(store(), "--name place --replace");
    expect(isAlive(first.pid)).toBe(false);
    expect(await listed("--all")).toEqual(["place"]);
    expect(second.id).not.toBe(first.id);
    const { status, stderr } = await trySh(store(), "--replace", "true");
    expect(stderr).toContain("--replace");
    expect(status).toBe(125);
  });

  it("a name is a name (S32)", async () => {
    for (const name of ["../x", ".", "a/b", "-a", "ä", "a b", "x".repeat(300)]) {
      const { status, stderr } = await store().run([
        ...detached,
        `--name=${name}`,
        "busybox",
        "true",
      ]);
      expect(stderr, name).toContain("name");
      expect(status, name).toBe(125);
    }
  });
});

describe("files about the container", () => {
  it("--cidfile holds the id, and is never written over", async () => {
    const file = join(store().scratch, "cid");
    await using container = await background(store(), `--cidfile ${file}`);
    expect(readFileSync(file, "utf8").trim()).toBe(container.id);
    const { status, stderr } = await trySh(store(), `--network none --cidfile ${file}`, "true");
    expect(stderr).toContain("the file exists");
    expect(status).toBe(125);
    expect(readFileSync(file, "utf8").trim()).toBe(container.id);
  });

  it.each(["/nonexistent/cid", "/proc/cid", "/usr/cid"])(
    "--cidfile %s is refused with a hint about that file",
    async (file) => {
      const { status, stderr } = await trySh(store(), `--network none --cidfile ${file}`, "true");
      expect(stderr).toContain(`write container id to ${file}: `);
      expect(stderr).toMatch(/hint: name a file .* with --cidfile/);
      expect(status).toBe(125);
    },
  );

  it("--pidfile holds the pid of its init", async () => {
    const file = join(store().scratch, "init");
    writeFileSync(file, "old");
    await store().succeed([
      ...detached,
      `--pidfile=${file}`,
      ..."--name init busybox sleep 1000".split(" "),
    ]);
    const pid = Number(readFileSync(file, "utf8"));
    expect(statusOf(pid).NSpid).toMatch(/\t1$/);
    await store().succeed(["rm", "--force", "--time", "0", "init"]);
    expect(isAlive(pid)).toBe(false);
  });

  it("neither is left by a start that fails", async () => {
    const cid = join(store().scratch, "no-cid");
    const pid = join(store().scratch, "no-pid");
    const { status } = await store().run([
      ...[...detached, "--cidfile", cid, "--pidfile", pid, "busybox", "no-such-program"],
    ]);
    expect(status).toBe(127);
    expect(existsSync(cid)).toBe(false);
    expect(existsSync(pid)).toBe(false);
  });
});

describe("--timeout", () => {
  it("kills the container after that time", async () => {
    const { status } = await trySh(store(), "--network none --timeout 1", "sleep 1000");
    expect(status).toBe(137);
  });
});

describe("labels and annotations", () => {
  it("are kept with the container", async () => {
    const file = join(store().scratch, "labels");
    writeFileSync(file, "# comment\nfrom.file=1\n");
    await using container = await background(
      store(),
      `--label a=b=c -l plain --label-file ${file} --annotation note=x`,
    );
    const { stdout } = await store().succeed(["inspect", container.id]);
    const [{ Config }] = JSON.parse(stdout) as [
      { Config: { Labels: object; Annotations: object } },
    ];
    expect(Config.Labels).toEqual({ a: "b=c", plain: "", "from.file": "1" });
    expect(Config.Annotations).toEqual({ note: "x" });
    expect(await listed("--filter", "label=a=b=c")).toHaveLength(1);
    expect(await listed("--filter", "label=a=other")).toHaveLength(0);
  });
});

/** Waits for what the monitor does after the end: there is nobody else to say that it is done. */
async function nothingLeft(): Promise<void> {
  const directories = () =>
    [join(store().root, "containers"), join(store().root, "volumes"), store().runtimeDir].flatMap(
      (directory) => readdirSync(directory),
    );
  await until("the container to be removed", () => (directories().length === 0 ? true : undefined));
  expect(await listed("--all")).toEqual([]);
}

describe("--noout", () => {
  it("prints no id of what goes to the background, and what a program prints in the foreground", async () => {
    const silent = await store().succeed(
      "--noout run --detach --name silent --network none busybox sleep 1000".split(" "),
    );
    expect(silent.stdout).toBe("");
    const { stdout } = await store().succeed("--noout exec silent echo heard".split(" "));
    expect(stdout).toBe("heard\n");
    expect((await store().succeed("--noout rm -f -t 0 silent".split(" "))).stdout).toBe("");
    const run = "--noout run --rm --network none busybox echo heard".split(" ");
    expect((await store().succeed(run)).stdout).toBe("heard\n");
  });
});
