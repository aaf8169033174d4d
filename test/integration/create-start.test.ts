import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import { processEnds } from "../support/pidfd.ts";
import { isAlive } from "../support/proc.ts";
import { until } from "../support/wait.ts";
import { background, type Options } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();

afterEach(async () => {
  await store().succeed(["rm", "--force", "--time", "0", "--depend", "--all", "--volumes"]);
});

/** `tsman create --name NAME OPTIONS busybox sh -c SCRIPT`; the id. */
async function create(name: string, script: string, options: Options = ""): Promise<string> {
  const words = typeof options === "string" ? options.split(" ").filter(Boolean) : options;
  const { stdout } = await store().succeed([
    ...["create", "--name", name, "--network", "none", ...words],
    ...["busybox", "sh", "-c", script],
  ]);
  expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
  return stdout.trim();
}

async function statusOf(name: string): Promise<string> {
  const format = "{{.Names}} {{.State}}";
  const { stdout } = await store().succeed(["ps", "--all", "--format", format]);
  const line = stdout.split("\n").find((text) => text.startsWith(`${name} `));
  return line?.slice(name.length + 1) ?? "gone";
}

describe("create", () => {
  it("makes a container that does not run, and prints its id", async () => {
    const id = await create("made", "echo ran");
    expect(await statusOf("made")).toBe("created");
    expect(readdirSync(join(store().root, "containers"))).toEqual([id]);
    expect((await store().succeed(["logs", "made"])).stdout).toBe("");
  });

  it("takes what run takes, and refuses what run refuses", async () => {
    const file = join(store().scratch, "cid");
    const id = await create("with", "true", `--cidfile ${file} -e A=b --label x=y --read-only`);
    expect(readFileSync(file, "utf8")).toBe(id);
    const again = await store().run(["create", "--cidfile", file, "busybox"]);
    expect(again.stderr).toContain("the file exists");
    expect(again.status).toBe(125);
    // What never was there is not told to have gone.
    const idsOf = async (event: string): Promise<readonly string[]> => {
      const format = ["--format", "{{.ID}}", "--filter", "type=container"];
      const { stdout } = await store().succeed([
        ...["events", "--stream=false", ...format, "--filter", `event=${event}`],
      ]);
      return stdout.split("\n");
    };
    expect(await idsOf("create")).toEqual(expect.arrayContaining([...(await idsOf("remove"))]));
    const limited = await store().run(["create", "--memory", "none", "busybox"]);
    expect(limited.status).toBe(125);
    const nameless = await store().run(["create"]);
    expect(nameless.status).toBe(125);
    expect(readdirSync(join(store().root, "containers"))).toEqual([id]);
  });

  it("names the holder of a name that is in use, and replaces it with --replace", async () => {
    const first = await create("taken", "true");
    const { status, stderr } = await store().run(["create", "--name", "taken", "busybox"]);
    expect(stderr).toContain(first.slice(0, 12));
    expect(status).toBe(125);
    const second = await create("taken", "true", "--replace");
    expect(readdirSync(join(store().root, "containers"))).toEqual([second]);
  });

  it("--replace leaves the old one alone when the new one cannot be made", async () => {
    await using old = await background(store(), "--name kept");
    const { status } = await store().run([
      ..."create --name kept --replace --volume /no/such/source:/x busybox".split(" "),
    ]);
    expect(status).toBe(125);
    expect(isAlive(old.pid)).toBe(true);
    expect(await statusOf("kept")).toBe("running");
  });
});

describe("start", () => {
  it("prints the name as it was written, and leaves the container in the background", async () => {
    const id = await create("back", "echo out; sleep 1000");
    const { stdout } = await store().succeed(["start", id.slice(0, 12)]);
    expect(stdout).toBe(`${id.slice(0, 12)}\n`);
    expect(await statusOf("back")).toBe("running");
    // As Podman: one that runs is fine.
    expect((await store().succeed(["start", "back"])).stdout).toBe("back\n");
  });

  it("--attach gives the output and the exit status", async () => {
    await create("front", "echo out; echo err >&2; exit 7");
    for (let time = 0; time < 2; time += 1) {
      const { status, stdout, stderr } = await store().run(["start", "--attach", "front"]);
      expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: "out\n", stderr: "err\n" });
    }
    expect((await store().succeed(["wait", "front"])).stdout).toBe("7\n");
  });

  it("--interactive gives the input to a container that was made for it", async () => {
    await create("asked", "cat", "--interactive");
    const { stdout } = await store().succeed(["start", "-ai", "asked"], { input: "typed\n" });
    expect(stdout).toBe("typed\n");
    await create("deaf", "cat");
    expect((await store().succeed(["start", "-ai", "deaf"], { input: "typed\n" })).stdout).toBe("");
  });

  it("passes signals on with --attach", async () => {
    await create("signalled", "trap 'exit 9' TERM; echo ready; sleep 1000 & wait");
    const tsman = store().start(["start", "--attach", "signalled"]);
    await tsman.stdout.until("ready");
    tsman.child.kill("SIGTERM");
    expect((await tsman.ended).status).toBe(9);
  });

  it("starts again with what the container wrote, and with its volumes", async () => {
    await create("memory", "echo x >> /file; echo y >> /data/file; cat /file /data/file", [
      ...["--volume", "/data"],
    ]);
    await store().succeed(["start", "--attach", "memory"]);
    const { stdout } = await store().succeed(["start", "--attach", "memory"]);
    expect(stdout).toBe("x\nx\ny\ny\n");
    expect(readdirSync(join(store().root, "volumes"))).toHaveLength(1);
  });

  it("works for every id mapping", async () => {
    await create("kept", "id -u; echo x >> /tmp/file; cat /tmp/file", "--userns keep-id");
    await store().succeed(["start", "--attach", "kept"]);
    const { stdout } = await store().succeed(["start", "--attach", "kept"]);
    expect(stdout).toBe(`${process.getuid?.()}\nx\nx\n`);
  });

  it("looks at the host again: a mount that is gone is named, and the container stays", async () => {
    const source = join(store().scratch, "source");
    writeFileSync(source, "there");
    await create("bound", "cat /bound", `--volume ${source}:/bound`);
    expect((await store().succeed(["start", "-a", "bound"])).stdout).toBe("there");
    rmSync(source);
    const { status, stderr } = await store().run(["start", "-a", "bound"]);
    expect(stderr).toContain(source);
    expect(status).toBe(125);
    expect(await statusOf("bound")).toBe("exited");
    expect((await store().succeed(["wait", "bound"])).stdout).toBe("0\n");
  });

  it("leaves a container whose program cannot be started as it was", async () => {
    await store().succeed(["create", "--name", "wrong", "--network", "none", "busybox", "no-such"]);
    for (let time = 0; time < 2; time += 1) {
      const { status, stderr } = await store().run(["start", "wrong"]);
      expect(stderr).toContain("no-such");
      expect(status).toBe(127);
      expect(await statusOf("wrong")).toBe("created");
    }
  });

  it("keeps the exit status of an earlier life when the next does not begin", async () => {
    await store().succeed([
      ..."create --name once --network none --entrypoint /bin/sh busybox -c".split(" "),
      "mv /bin/sh /bin/gone; exit 5",
    ]);
    expect((await store().run(["start", "-a", "once"])).status).toBe(5);
    expect((await store().run(["start", "-a", "once"])).status).toBe(127);
    expect(await statusOf("once")).toBe("exited");
    expect((await store().succeed(["wait", "once"])).stdout).toBe("5\n");
  });

  it("starts several, tells of one that fails, and ends with its status", async () => {
    await create("one", "sleep 1000");
    await create("two", "sleep 1000");
    const { status, stdout, stderr } = await store().run(["start", "one", "nobody", "two"]);
    expect(stdout.split("\n").filter(Boolean).sort()).toEqual(["one", "two"]);
    expect(stderr).toContain('"nobody": no such container');
    expect(status).not.toBe(0);
    expect([await statusOf("one"), await statusOf("two")]).toEqual(["running", "running"]);
  });

  it("--all, --filter and --latest choose among those that do not run", async () => {
    await using running = await background(store(), "--name runs");
    await create("chosen", "sleep 1000", "--label pick=me");
    const last = await create("last", "sleep 1000");
    await store().succeed(["start", "--filter", "label=pick=me"]);
    expect([await statusOf("chosen"), await statusOf("last")]).toEqual(["running", "created"]);
    expect((await store().succeed(["start", "--latest"])).stdout).toBe(`${last}\n`);
    expect((await store().succeed(["start", "--all"])).stdout).toBe("");
    expect(isAlive(running.pid)).toBe(true);
    const both = await store().run(["start", "--all", "last"]);
    expect(both.status).toBe(125);
  });

  it("refuses to attach to several", async () => {
    await create("one", "true");
    await create("two", "true");
    const { status, stderr } = await store().run(["start", "--attach", "one", "two"]);
    expect(stderr).toContain("one only");
    expect(status).toBe(125);
    expect(await statusOf("one")).toBe("created");
  });

  it("removes a container of --rm at its end, and starts it once only", async () => {
    const id = await create("passing", "exit 3", "--rm --volume /data");
    expect((await store().run(["start", "--attach", "passing"])).status).toBe(3);
    expect(await statusOf("passing")).toBe("gone");
    expect(existsSync(join(store().root, "containers", id))).toBe(false);
    expect(readdirSync(join(store().root, "volumes"))).toEqual([]);
  });

  it("joins another container when it starts, after starting that one", async () => {
    await create("target", "sleep 1000", "--hostname target");
    await create("guest", "hostname", "--uts container:target");
    const guest = await store().succeed(["start", "-a", "guest"]);
    expect(guest.stdout).toBe("target\n");
    expect((await store().succeed("ps --format {{.Names}}".split(" "))).stdout).toBe("target\n");
    await store().succeed("rename target gone".split(" "));
    const late = await store().run(["start", "-a", "guest"]);
    expect(late.stderr).toContain("join the namespaces of container target: no such container");
    expect(late.status).toBe(125);
  });
});

describe("init", () => {
  const initPid = async (name: string): Promise<number> => {
    const { stdout } = await store().succeed(["inspect", "-f", "{{.State.Pid}}", name]);
    return Number(stdout);
  };

  it("sets everything up but the program, which a start lets go", async () => {
    await create("ready", "echo ran; hostname; sleep 1000", "--hostname prepared");
    expect((await store().succeed(["init", "ready"])).stdout).toBe("ready\n");
    expect(await statusOf("ready")).toBe("initialized");
    const pid = await initPid("ready");
    expect(isAlive(pid)).toBe(true);
    expect((await store().succeed(["logs", "ready"])).stdout).toBe("");
    expect((await store().succeed(["ps", "--quiet"])).stdout).toBe("");
    await store().succeed(["start", "ready"]);
    expect(await statusOf("ready")).toBe("running");
    // The process that was there executes the program.
    expect(await initPid("ready")).toBe(pid);
    await until("its output", async () =>
      (await store().succeed(["logs", "ready"])).stdout === "ran\nprepared\n" ? true : undefined,
    );
  });

  it("loses nothing of what the program writes when it is started in the foreground", async () => {
    await create("front", "echo out; echo err >&2; exit 3", "--init");
    for (let life = 0; life < 2; life += 1) {
      await store().succeed(["init", "front"]);
      const { status, stdout, stderr } = await store().run(["start", "--attach", "front"]);
      expect({ status, stdout, stderr }).toEqual({ status: 3, stdout: "out\n", stderr: "err\n" });
    }
  });

  it("publishes the ports", async () => {
    const { stdout } = await store().succeed([
      ..."create -p 127.0.0.1::80 busybox httpd -f -p 80".split(" "),
    ]);
    const id = stdout.trim();
    await store().succeed(["init", id]);
    await store().succeed(["start", id]);
    const port = /:(\d+)\n$/.exec((await store().succeed(["port", id, "80"])).stdout)?.[1];
    const answer = await until("the server", () =>
      fetch(`http://127.0.0.1:${port}/`).catch(() => undefined),
    );
    expect(answer.status).toBe(404);
  });

  it("is refused for what runs or is initialized, and nothing can be executed in there", async () => {
    await create("held", "sleep 1000");
    await store().succeed(["init", "held"]);
    const again = await store().run(["init", "held"]);
    expect(again.stderr).toContain("it is initialized already");
    expect(again.status).toBe(125);
    for (const command of [
      ["exec", "held", "true"],
      ["pause", "held"],
      ["kill", "held"],
    ]) {
      expect((await store().run(command)).stderr).toContain("it does not run");
    }
    const copy = await store().run(["cp", "-", "held:/tmp"], { input: "" });
    expect(copy.stderr).toContain("it is initialized, and does not run");
    await using running = await background(store(), "");
    const { status, stderr } = await store().run(["init", running.id]);
    expect(stderr).toContain("it is running");
    expect(status).toBe(125);
  });

  it("is taken back by stop, and goes with rm", async () => {
    const id = await create("held", "sleep 1000");
    await store().succeed(["init", "held"]);
    const stopped = await initPid("held");
    await store().succeed(["stop", "held"]);
    expect(await statusOf("held")).toBe("created");
    await store().succeed(["init", "held"]);
    const removed = await initPid("held");
    await store().succeed(["rm", "held"]);
    expect([stopped, removed].filter(isAlive)).toEqual([]);
    expect(existsSync(join(store().runtimeDir, id))).toBe(false);
  });

  it("leaves what it was when the program cannot be executed, or the monitor is killed", async () => {
    const { stdout } = await store().succeed(
      "create --name wrong --network none busybox no-such-program".split(" "),
    );
    await store().succeed(["init", "wrong"]);
    const { status, stderr } = await store().run(["start", "wrong"]);
    expect(stderr).toContain("no-such-program");
    expect(status).toBe(127);
    expect(await statusOf("wrong")).toBe("created");
    await store().succeed(["init", "wrong"]);
    const pid = await initPid("wrong");
    const monitor = readFileSync(join(store().runtimeDir, stdout.trim(), "monitor"), "utf8");
    process.kill(Number(monitor.split(" ")[0]), "SIGKILL");
    await processEnds(pid);
    expect(await statusOf("wrong")).toBe("created");
    // The check leaves what is younger than a second to whoever may be writing it.
    const runDir = join(store().runtimeDir, stdout.trim());
    for (const name of readdirSync(runDir)) utimesSync(join(runDir, name), 0, 0);
    await store().succeed(["system", "check", "--quick", "--repair"]);
    expect((await store().succeed(["system", "check", "--quick"])).stdout).not.toContain("monitor");
  });
});
