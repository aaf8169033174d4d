import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { freePorts } from "../support/free-port.ts";
import { descriptorsOf, isAlive } from "../support/proc.ts";
import { until } from "../support/wait.ts";
import { background } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();

const cells = (line: string | undefined): string[] => (line ?? "").trimEnd().split(/ {2,}/);

describe("top", () => {
  it("lists what runs in a container, with its ids and names and the host's", async () => {
    const script = "sleep 1000 & exec sleep 2000";
    await using container = await background(store(), "--name busy", ["sh", "-c", script]);
    const argv = ["top", "busy", "pid", "ppid", "hpid", "user", "comm", "args"];
    // Until the shell has started the one, and is the other.
    const [header, first, second] = await until("both programs", async () => {
      const rows = (await store().succeed(argv)).stdout.split("\n").map(cells);
      const words = rows.slice(1, 3).map((row) => row.at(-1));
      return words.join() === "sleep 2000,sleep 1000" ? rows : undefined;
    });
    expect(header).toEqual(["PID", "PPID", "HPID", "USER", "COMMAND", "COMMAND"]);
    expect(first).toEqual(["1", "0", String(container.pid), "root", "sleep", "sleep 2000"]);
    expect(second?.[1]).toBe("1");
    expect(second?.slice(3)).toEqual(["root", "sleep", "sleep 1000"]);
  });

  it("answers what people ask ps(1), for an image without one", async () => {
    await using _ = await background(store(), "--name bare", [
      "sh",
      "-c",
      "rm /bin/ps; sleep 1000",
    ]);
    const rows = async (...words: readonly string[]) =>
      (await store().succeed(["top", "bare", ...words])).stdout.split("\n").map(cells);
    const [full, init] = await rows("-ef");
    expect(full?.join(" ")).toBe("UID PID PPID C STIME TTY TIME CMD");
    expect([init?.slice(0, 3), init?.[5]]).toEqual([["root", "1", "0"], "?"]);
    expect(init?.[6]).toMatch(/^00:00:0\d$/);
    const [user, own] = await rows("aux");
    expect(user?.at(7)).toBe("STAT");
    expect(own?.at(7)).toBe("Ss");
  });

  it("knows users of the image by their names", async () => {
    await using _ = await background(store(), "--name other --user 33");
    const { stdout } = await store().succeed(["top", "other", "user", "group", "capeff"]);
    expect(cells(stdout.split("\n")[1])).toEqual(["www-data", "www-data", "none"]);
  });

  it("sees a process that has made a pid namespace of its own", async () => {
    const script = "unshare -Upf sleep 1234 & sleep 1000";
    const options = "--name deep --security-opt seccomp=unconfined";
    await using _ = await background(store(), options, ["sh", "-c", script]);
    await until("the process within", async () => {
      const { stdout } = await store().succeed(["top", "deep", "args"]);
      return /^sleep 1234 *$/m.test(stdout) || undefined;
    });
  });

  it("sees with the host's pid namespace only what the container has started", async () => {
    await using container = await background(store(), "--name wide --pid host");
    const { stdout } = await store().succeed(["top", "wide", "hpid"]);
    expect(stdout.trim().split(/\s+/)).toEqual(["HPID", String(container.pid)]);
  });

  it("needs one that runs", async () => {
    await store().succeed("run --name over --network none busybox true".split(" "));
    const { status, stderr } = await store().run(["top", "over"]);
    expect(status).toBe(125);
    expect(stderr).toContain("it does not run");
    await store().succeed(["rm", "over"]);
  });
});

describe("stats", () => {
  it("say what a container uses", async () => {
    const script = "yes >/dev/null & exec sleep 1000";
    await using _ = await background(store(), "--name burns", ["sh", "-c", script]);
    const format = "{{.Name}} {{.CPU}} {{.PIDS}} {{.MemUsage}} {{.NetIO}}";
    const argv = ["stats", "--interval", "1", "--format", format, "burns"];
    const looking = store().start(argv);
    await looking.stdout.until(/(?:^burns .*\n){2}/m);
    looking.child.kill("SIGINT");
    const { status, stdout } = await looking.ended;
    expect(status).toBe(0);
    const [, second] = stdout.split("\n");
    const [name, cpu, tasks] = second?.split(" ") ?? [];
    expect([name, tasks]).toEqual(["burns", "2"]);
    expect(Number(cpu)).toBeGreaterThan(1);
  });

  it("say what the memory is counted by", async () => {
    await using _ = await background(store(), "--name small");
    const format = "{{.MemSource}} {{.MemUsageBytes}}";
    const { stdout } = await store().succeed(["stats", "--no-stream", "--format", format, "small"]);
    expect(stdout).toMatch(/^(?:pss|rss) \d/);
  });

  it("show what does not run when it is named or all are meant, and know no name that is none", async () => {
    await store().succeed("run --name ended --network none busybox true".split(" "));
    const argv = [
      "stats",
      "--no-stream",
      "--format",
      "{{.Name}} {{.PIDS}} {{.MemUsage}} {{.NetIO}}",
    ];
    const line = "ended 0 0B / 0B 0B / 0B\n";
    expect((await store().succeed(argv)).stdout).not.toContain("ended");
    expect((await store().succeed([...argv, "ended"])).stdout).toBe(line);
    expect((await store().succeed([...argv, "--all"])).stdout).toContain(line);
    expect((await store().run([...argv, "nope"])).status).toBe(125);
    await store().succeed(["rm", "ended"]);
  });
});

describe("port", () => {
  it("prints where ports are published", async () => {
    const port = await freePorts();
    await using _ = await background(store(), `--name web -p 127.0.0.1:${port}:80`);
    expect((await store().succeed(["port", "web"])).stdout).toBe(`80/tcp -> 127.0.0.1:${port}\n`);
    expect((await store().succeed(["port", "web", "80"])).stdout).toBe(`127.0.0.1:${port}\n`);
    expect((await store().run(["port", "web", "81"])).status).toBe(125);
  });
});

describe("several containers", () => {
  it("get their turn when one fails, and the status is Podman's", async () => {
    await using a = await background(store(), "--name a");
    await using b = await background(store(), "--name b");
    expect(await store().run(["kill", "a", "nope", a.id.slice(0, 12)])).toMatchObject({
      status: 125,
    });
    expect(await store().run(["wait", "nope", "a"])).toMatchObject({
      status: 125,
      stdout: "137\n",
    });
    expect(await store().run(["rm", "b", "nope", "a"])).toMatchObject({ status: 1, stdout: "a\n" });
    expect(await store().run(["rm", "b"])).toMatchObject({ status: 2 });
    expect(isAlive(b.pid)).toBe(true);
  });

  it("are chosen by --filter, --latest and --cidfile", async () => {
    const file = `${store().scratch}/chosen`;
    await using first = await background(store(), `--name first --label mine=1 --cidfile ${file}`);
    await using second = await background(store(), "--name second --label mine=2");
    expect(readFileSync(file, "utf8")).toBe(first.id);
    const filtered = await store().succeed(["stop", "-t", "0", "--filter", "label=mine=2"]);
    expect(filtered.stdout.trim()).toBe(second.id);
    expect(isAlive(first.pid)).toBe(true);
    expect((await store().succeed(["kill", "--cidfile", file])).stdout.trim()).toBe(first.id);
    expect((await store().succeed(["rm", "--latest"])).stdout.trim()).toBe(second.id);
  });

  it("with an unusable name are refused, --ignore or not", async () => {
    for (const verb of ["stop --ignore", "rm --force", "kill", "wait", "logs", "top", "port"]) {
      for (const name of ["../x", ".", "a/b", "ä", "x".repeat(300), ""]) {
        const { status, stderr } = await store().run([...verb.split(" "), name]);
        expect({ verb, name, status }).toEqual({ verb, name, status: 125 });
        expect(stderr).toContain("use container name");
      }
    }
  }, 120_000);

  it("that share namespaces are removed together with --depend or --all only", async () => {
    await using base = await background(store(), "--name base");
    await store().succeed("run --name user --network container:base busybox true".split(" "));
    const refused = await store().run(["rm", "--force", "--time", "0", "base"]);
    expect(refused).toMatchObject({ status: 125 });
    expect(refused.stderr).toContain("it is needed by user");
    expect(isAlive(base.pid)).toBe(true);
    await store().succeed(["rm", "--force", "--time", "0", "--depend", "base"]);
    expect((await store().succeed(["ps", "-aq", "--filter", "name=user"])).stdout).toBe("");
    await using _again = await background(store(), "--name base");
    await store().succeed("create --name user --network container:base busybox".split(" "));
    await store().succeed("rm --force --time 0 --all".split(" "));
    expect((await store().succeed(["ps", "-aq", "--filter", "name=user"])).stdout).toBe("");
  });
});

/** Whether a process watches a file: inotify(7). */
function hasWatch(pid: number): boolean {
  try {
    return [...descriptorsOf(pid).values()].includes("anon_inode:inotify");
  } catch {
    // A descriptor was closed meanwhile.
    return false;
  }
}

describe("wait", () => {
  it("--condition waits for a state", async () => {
    const waiting = "wait --condition running coming".split(" ");
    await store().succeed("create --name coming --network none busybox sleep 1000".split(" "));
    const started = store().start(waiting);
    await store().succeed(["start", "coming"]);
    expect((await started.ended).stdout).toBe("-1\n");
    const removed = store().start("wait --condition removing coming".split(" "));
    await store().succeed(["rm", "--force", "--time", "0", "coming"]);
    const { stdout, status } = await removed.ended;
    // It may have been removed before it was looked for.
    if (status === 0) expect(stdout).toBe("-1\n");
    else expect(status).toBe(125);
  });

  it("gives the status of a container that was removed at its end", async () => {
    const script = "until [ -e /end ]; do sleep 0.1; done; exit 7";
    await using container = await background(store(), "--rm", ["sh", "-c", script]);
    const waiting = store().start(["wait", container.id]);
    // It has found the container when it watches for what happens.
    await until("the command to watch", () => hasWatch(waiting.pid) || undefined);
    writeFileSync(`/proc/${container.pid}/root/end`, "");
    expect(await waiting.ended).toMatchObject({ status: 0, stdout: "7\n" });
  });
});
