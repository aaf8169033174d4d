import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { isAlive } from "../support/proc.ts";
import { until } from "../support/wait.ts";
import { background } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();

afterEach(async () => {
  await store().succeed(["rm", "--force", "--time", "0", "--depend", "--all", "--volumes"]);
});

async function create(name: string, ...options: readonly string[]): Promise<string> {
  const { stdout } = await store().succeed([
    ...["create", "--name", name, "--network", "none", ...options, "busybox", "true"],
  ]);
  return stdout.trim();
}

async function names(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await store().succeed(["ps", "--all", "--format", "{{.Names}}", ...args]);
  return stdout.split("\n").filter(Boolean).sort();
}

async function exists(name: string): Promise<number | null> {
  return (await store().run(["container", "exists", name])).status;
}

describe("restart", () => {
  it("ends a container and starts it anew", async () => {
    await using container = await background(store(), "--name again --stop-timeout 0");
    expect((await store().succeed(["restart", "again"])).stdout).toBe("again\n");
    expect(isAlive(container.pid)).toBe(false);
    expect(await names("--filter", "status=running")).toEqual(["again"]);
  });

  it("starts one that does not run, but not with --running", async () => {
    await using running = await background(store(), "--name runs");
    const { stdout } = await store().succeed([
      ..."create --name waits --network none busybox sleep 1000".split(" "),
    ]);
    const only = await store().succeed("restart --running --time 0".split(" "));
    expect(only.stdout).toBe(`${running.id}\n`);
    expect(await names("--filter", "status=created")).toEqual(["waits"]);
    const all = await store().succeed("restart --all --time 0".split(" "));
    expect(all.stdout.split("\n").filter(Boolean).sort()).toEqual(
      [running.id, stdout.trim()].sort(),
    );
    expect(await names("--filter", "status=running")).toEqual(["runs", "waits"]);
  });

  it("names what is not there", async () => {
    const refused = await store().run(["restart", "nobody"]);
    expect(refused.stderr).toContain('"nobody": no such container');
    expect(refused.status).not.toBe(0);
  });
});

describe("restart of what is removed at its end", () => {
  const removed = async (): Promise<void> =>
    void (await until(
      "the container to be removed",
      async () => (await names()).length === 0 || undefined,
    ));

  it("keeps it, with its files, and removes it at the end of the next life", async () => {
    const script = "echo life >> /lives; exec sleep 1000";
    await using passing = await background(store(), "--rm --name passing", ["sh", "-c", script]);
    await until("its first life", async () => (await lives("passing")) === 1 || undefined);
    await store().succeed("restart --time 0 passing".split(" "));
    expect(isAlive(passing.pid)).toBe(false);
    await until("its second life", async () => (await lives("passing")) === 2 || undefined);
    await store().succeed("stop --time 0 passing".split(" "));
    await removed();
  });

  // A published port keeps tsman itself in the foreground; without, a native session is there.
  it.each(["--network none", "-p 127.0.0.1::80"])(
    "ends what waits for it with %s, no more",
    async (network) => {
      const foreground = store().start([
        ...["run", "--rm", "--name", "passing", ...network.split(" "), "busybox"],
        ...["sh", "-c", "echo up; exec sleep 1000"],
      ]);
      await foreground.stdout.until("up");
      await store().succeed("restart --time 0 passing".split(" "));
      expect((await foreground.ended).status).toBe(137);
      expect(await names("--filter", "status=running")).toEqual(["passing"]);
      await store().succeed("stop --time 0 passing".split(" "));
      await removed();
    },
  );

  it("removes it when it cannot be started again", async () => {
    const directory = join(store().scratch, "gone");
    mkdirSync(directory);
    await using _passing = await background(store(), `--rm --name passing -v ${directory}:/src`);
    rmdirSync(directory);
    const { status, stderr } = await store().run("restart --time 0 passing".split(" "));
    expect(status).toBe(125);
    expect(stderr).toContain(directory);
    expect(await names()).toEqual([]);
  });

  it("leaves it to the next command when whoever restarts it is killed", async () => {
    const script = "trap 'echo asked' TERM; echo up; while :; do sleep 0.1; done";
    await using passing = await background(store(), "--rm --name passing", ["sh", "-c", script]);
    const log = store().start("logs --follow passing".split(" "));
    await log.stdout.until("up");
    const restart = store().start("restart --time 1000 passing".split(" "));
    await log.stdout.until("asked");
    restart.child.kill("SIGKILL");
    await restart.ended;
    process.kill(passing.pid, "SIGKILL");
    await removed();
  });
});

async function lives(name: string): Promise<number> {
  const { stdout } = await store().run(["exec", name, "cat", "/lives"]);
  return stdout.split("\n").length - 1;
}

describe("rename", () => {
  it("gives a container another name, running or not", async () => {
    await using container = await background(store(), "--name before");
    await store().succeed(["rename", "before", "after"]);
    expect(await names()).toEqual(["after"]);
    await store().succeed(["stop", "--time", "0", "after"]);
    await store().succeed(["start", "after"]);
    expect(await names("--filter", "status=running")).toEqual(["after"]);
    expect(await exists(container.id)).toBe(0);
  });

  it("refuses names in use, naming the holder, and what is no name (S32)", async () => {
    const first = await create("first");
    await create("second");
    const { status, stderr } = await store().run(["rename", "second", "first"]);
    expect(stderr).toContain(first.slice(0, 12));
    expect(status).toBe(125);
    for (const name of ["../x", "a/b", "", " ", "ä", "x".repeat(300)]) {
      expect((await store().run(["rename", "second", name])).status, name).toBe(125);
    }
    expect(await names()).toEqual(["first", "second"]);
  });
});

describe("container exists", () => {
  it("ends with 0, 1, or 125 when it cannot tell", async () => {
    const id = await create("here");
    expect(await exists("here")).toBe(0);
    expect(await exists(id.slice(0, 10))).toBe(0);
    expect(await exists("nobody")).toBe(1);
    const { status } = await store().run(["container", "exists"]);
    expect(status).toBe(125);
    const unreadable = await store().run(["--root", "/proc/none", "container", "exists", "here"]);
    expect(unreadable.status).toBe(125);
  });
});

describe("container prune", () => {
  it("removes what does not run, and prints the ids", async () => {
    await using running = await background(store(), "--name runs");
    const gone = [await create("one"), await create("two")];
    const { stdout } = await store().succeed(["container", "prune", "--force"]);
    expect(stdout.split("\n").filter(Boolean).sort()).toEqual(gone.sort());
    expect(await names()).toEqual(["runs"]);
    expect(readdirSync(join(store().root, "containers"))).toEqual([running.id]);
  });

  it("asks first, and takes nothing but y for yes", async () => {
    await create("one");
    const no = await store().succeed(["container", "prune"], { input: "\n" });
    expect(no.stderr).toContain("Are you sure");
    expect(await names()).toEqual(["one"]);
    const silent = await store().run(["container", "prune"]);
    expect(silent).toMatchObject({ status: 125, stdout: "" });
    expect(silent.stderr).toContain("use --force");
    expect(await names()).toEqual(["one"]);
    await store().succeed(["container", "prune"], { input: "y\n" });
    expect(await names()).toEqual([]);
  });

  it("keeps what the filters do not name", async () => {
    await create("plain");
    await create("labelled", "--label", "keep=yes");
    const old = await store().succeed("container prune -f --filter until=1h".split(" "));
    expect(old.stdout).toBe("");
    await store().succeed("container prune -f --filter label!=keep=yes".split(" "));
    expect(await names()).toEqual(["labelled"]);
    const wrong = await store().run("container prune -f --filter name=labelled".split(" "));
    expect(wrong.status).toBe(125);
    expect(await names()).toEqual(["labelled"]);
  });
});

describe("container cleanup", () => {
  it("does nothing to a container that nothing is left to be done for, or removes it", async () => {
    await create("left");
    expect((await store().succeed(["container", "cleanup", "left"])).stdout).toBe("left\n");
    expect(await names()).toEqual(["left"]);
    await store().succeed(["container", "cleanup", "--rm", "left"]);
    expect(await names()).toEqual([]);
    await using running = await background(store(), "");
    const refused = await store().run(["container", "cleanup", running.id]);
    expect(refused.stderr).toContain("it is running");
    expect(refused.status).toBe(125);
  });
});

describe("container clone", () => {
  it("makes another container with the same options", async () => {
    await create("model", "--label", "a=b", "--env", "X=y", "--volume", "/data");
    const { stdout } = await store().succeed(["container", "clone", "model"]);
    await store().succeed(["container", "clone", "model"]);
    await store().succeed(["container", "clone", "model", "other", "localhost/busybox"]);
    expect(await names()).toEqual(["model", "model-clone", "model-clone1", "other"]);
    const inspected = await store().succeed(["inspect", stdout.trim()]);
    const [{ Config }] = JSON.parse(inspected.stdout) as [
      { Config: { Labels: object; Env: readonly string[] } },
    ];
    expect(Config.Labels).toEqual({ a: "b" });
    expect(Config.Env).toContain("X=y");
    expect(readdirSync(join(store().root, "volumes"))).toHaveLength(4);
  });

  it("--run starts the clone, --destroy removes the original", async () => {
    await using original = await background(store(), "--name model");
    const refused = await store().run("container clone --destroy model".split(" "));
    expect(refused.status).toBe(2);
    await store().succeed("container clone --run --destroy --force model new".split(" "));
    expect(isAlive(original.pid)).toBe(false);
    expect(await names("--filter", "status=running")).toEqual(["new"]);
    expect(await names()).toEqual(["new"]);
  });
});
