import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { defaultContainerOptions } from "../../src/container/options.ts";
import {
  type Container,
  isTsmanError,
  type LogEntry,
  type RunOptions,
  Tsman,
  type TsmanError,
} from "../../src/engine/index.ts";
import { isAlive } from "../support/proc.ts";
import { patience } from "../support/wait.ts";
import { useStore } from "./support.ts";

const store = useStore();
let tsman: Tsman;

beforeAll(async () => {
  tsman = await Tsman.open({ root: store().root, runtimeDir: store().runtimeDir });
});
afterAll(async () => {
  await tsman[Symbol.asyncDispose]();
});

/** A container that waits, without a network. */
async function idle(options: RunOptions = {}): Promise<Container> {
  return await tsman.containers.run("localhost/busybox", {
    command: ["sleep", "1000"],
    network: "none",
    ...options,
  });
}

/** One that stays. */
async function idleKept(): Promise<Container> {
  return await idle({ name: "kept", keep: true });
}

/** The error of what must fail. */
async function failure(work: Promise<unknown>): Promise<TsmanError> {
  const error: unknown = await work.then(
    () => new Error("it did not fail"),
    (reason: unknown) => reason,
  );
  if (!isTsmanError(error)) throw error;
  return error;
}

async function names(): Promise<readonly string[]> {
  return (await tsman.containers.list({ all: true })).map(({ name }) => name);
}

describe("containers.run", () => {
  it("starts what is asked for, and removes it at the end of the block", async () => {
    mkdirSync(join(store().scratch, "shared"));
    writeFileSync(join(store().scratch, "shared/file"), "from the host");
    let pid: number | undefined;
    let id: string;
    {
      await using box = await idle({
        name: "asked",
        env: { GREETING: "hello", NONE: undefined },
        labels: { tier: "test" },
        user: "1000:1000",
        workdir: "/tmp",
        mounts: [
          { type: "bind", source: join(store().scratch, "shared"), target: "/in", readOnly: true },
          { type: "tmpfs", target: "/scratch", size: 1 << 20 },
          { type: "volume", target: "/data" },
        ],
      });
      const script = "env | grep -E '^(GREETING|NONE)'; id -u; pwd; cat /in/file; touch /in/x";
      const { stdout, stderr, status } = await box.exec(["sh", "-c", script]);
      expect(stdout).toBe("GREETING=hello\n1000\n/tmp\nfrom the host");
      expect(stderr).toContain("Read-only file system");
      expect(status).toBe(1);
      const details = await box.inspect();
      expect(details).toMatchObject({ name: "asked", state: "running", labels: { tier: "test" } });
      ({ pid } = details);
      ({ id } = box);
    }
    expect(isAlive(pid as number)).toBe(false);
    expect(await names()).not.toContain("asked");
    expect(existsSync(join(store().root, "containers", id))).toBe(false);
    expect(existsSync(join(store().runtimeDir, id))).toBe(false);
    expect(readdirSync(join(store().root, "volumes"))).toEqual([]);
  });

  it("publishes ports on loopback, and says which", async () => {
    await using web = await tsman.containers.run("localhost/busybox", {
      command: ["httpd", "-f", "-p", "80", "-h", "/etc"],
      ports: [80, { container: 81, protocol: "udp" }],
    });
    expect(web.ports.map(({ hostIp }) => hostIp)).toEqual(["127.0.0.1", "127.0.0.1"]);
    expect(web.port(81, "udp")).toBeGreaterThan(1023);
    expect(() => web.port(443)).toThrow(expect.objectContaining({ code: "PORT_NOT_PUBLISHED" }));
    await vi.waitFor(
      async () => {
        const answer = await fetch(`http://127.0.0.1:${web.port(80)}/hostname`);
        expect(answer.status).toBe(200);
      },
      { timeout: patience },
    );
  });

  it("leaves what has ended for its owner to look at, and to start again", async () => {
    await using box = await idle({ command: ["sh", "-c", "echo out; echo err >&2; exit 7"] });
    expect(await box.wait()).toEqual({ status: 7 });
    expect((await box.inspect()).state).toBe("stopped");
    const lines: LogEntry[] = [];
    for await (const line of box.logs()) lines.push(line);
    expect(lines.map(({ stream, text }) => `${stream} ${text}`).sort()).toEqual([
      "stderr err",
      "stdout out",
    ]);
    await box.start();
    expect(await box.wait()).toEqual({ status: 7 });
    await box.remove();
    expect((await failure(box.inspect())).code).toBe("CONTAINER_NOT_FOUND");
  });

  it("with keep leaves the container to whoever removes it", async () => {
    {
      await using box = await idleKept();
      expect(box.name).toBe("kept");
    }
    const again = await tsman.containers.get("kept");
    expect((await again.inspect()).state).toBe("running");
    await again.remove();
    expect(await names()).not.toContain("kept");
  });

  it("gives an error its code and leaves nothing", async () => {
    const before = await names();
    expect((await failure(idle({ command: ["no-such"] }))).code).toBe("COMMAND_NOT_FOUND");
    expect((await failure(tsman.containers.run("localhost/no-such"))).code).toBe("IMAGE_NOT_FOUND");
    expect(await names()).toEqual(before);
  });

  it("gives up when its signal is aborted, before and while it works", async () => {
    const before = await names();
    const { code, cause } = await failure(idle({ signal: AbortSignal.abort("enough") }));
    expect([code, cause]).toEqual(["INTERRUPTED", "enough"]);
    const controller = new AbortController();
    const started = idle({ signal: controller.signal });
    setImmediate(() => controller.abort());
    expect((await failure(started)).code).toBe("INTERRUPTED");
    expect(await names()).toEqual(before);
  });

  it.each([
    ["an option that is none", { volume: "x" }, 'no option "volume"'],
    ["a restart by itself", { restart: { policy: "always" } }, "goes with this process"],
    ["ports without a network", { ports: [80], network: "none" }, "no ports to publish"],
    ["a name that is none", { name: 5 }, "option name is not valid; it has to be of type string"],
  ])("refuses %s by name", async (_, options, message) => {
    const error = await failure(tsman.containers.run("localhost/busybox", options as RunOptions));
    expect(error.code).toBe("USAGE");
    expect(error.message).toContain(message);
  });
});

describe("a container", () => {
  let box: Container;
  beforeAll(async () => {
    box = await idle({ name: "box" });
  });
  afterAll(async () => {
    await box[Symbol.asyncDispose]();
  });

  it("runs programs with input, as text or bytes", async () => {
    expect(await box.exec(["cat"], { input: "täxt" })).toEqual({
      status: 0,
      stdout: "täxt",
      stderr: "",
    });
    const { stdout } = await box.exec(["cat"], {
      input: Uint8Array.of(0, 255, 10),
      encoding: "bytes",
    });
    expect(Buffer.from(stdout)).toEqual(Buffer.of(0, 255, 10));
    const { stdout: many } = await box.exec(["sh", "-c", "yes | head -c 3000000"]);
    expect(many).toHaveLength(3_000_000);
  });

  it("ends a program that says too much", async () => {
    const error = await failure(box.exec(["yes"], { maxOutput: 100_000 }));
    expect(error.code).toBe("OUTPUT_LIMIT");
    expect((await tsman.containers.processes("box")).map(({ command }) => command)).toEqual([
      "sleep",
    ]);
  });

  it("ends a program whose signal is aborted", async () => {
    const error = await failure(box.exec(["sleep", "999"], { signal: AbortSignal.timeout(300) }));
    expect(error.code).toBe("INTERRUPTED");
    expect(await tsman.containers.processes("box")).toHaveLength(1);
  });

  it("names what cannot run", async () => {
    expect((await failure(box.exec(["no-such"]))).code).toBe("COMMAND_NOT_FOUND");
    expect((await failure(box.exec([]))).code).toBe("USAGE");
    expect((await failure(box.exec("ls" as never))).code).toBe("USAGE");
    expect((await failure(box.exec(["ls"], { env: { "A=B": "" } }))).code).toBe("USAGE");
  });

  it("gives a program's streams, and ends it with its block", async () => {
    let ended: Promise<{ readonly status: number }>;
    {
      await using shell = await box.spawn(["sh"], { env: { A: "b" } });
      shell.stdin.write("echo $A; echo oops >&2\n");
      expect(String((await shell.stdout[Symbol.asyncIterator]().next()).value)).toBe("b\n");
      ended = shell.exited;
    }
    expect(await ended).toEqual({ status: 137 });
    const killed = await box.spawn(["sleep", "999"]);
    killed.kill("TERM");
    expect(await killed.exited).toEqual({ status: 143 });
  });

  it("gives a program a terminal", async () => {
    await using shell = await box.spawn(["sh", "-c", "stty size; tty"], {
      terminal: { rows: 7, columns: 70 },
    });
    const chunks = await Array.fromAsync(shell.stdout as AsyncIterable<Buffer>);
    expect(Buffer.concat(chunks).toString()).toBe("7 70\r\n/dev/pts/0\r\n");
  });

  it("is paused, killed and waited for", async () => {
    await using other = await idle();
    await other.pause();
    expect((await failure(other.exec(["true"]))).code).toBe("CONTAINER_PAUSED");
    await other.unpause();
    const waiting = other.wait();
    await other.kill("KILL");
    expect(await waiting).toEqual({ status: 137 });
    expect((await failure(other.exec(["true"]))).code).toBe("CONTAINER_NOT_RUNNING");
    const interrupted = box.wait({ signal: AbortSignal.timeout(100) });
    expect((await failure(interrupted)).code).toBe("INTERRUPTED");
  });

  it("stops with its signal, and the wait for it can be given up", async () => {
    await using deaf = await idle({ stopTimeout: 600 });
    const stopping = deaf.stop({ signal: AbortSignal.timeout(100) });
    expect((await failure(stopping)).code).toBe("INTERRUPTED");
    await using heeding = await idle({
      command: ["sh", "-c", "trap 'exit 3' TERM; echo ready; sleep 99 & wait"],
    });
    for await (const { text } of heeding.logs({ follow: true })) if (text === "ready") break;
    await heeding.stop();
    expect(await heeding.wait()).toEqual({ status: 3 });
  });

  it("follows its log to its end, with long lines whole", async () => {
    const script =
      "head -c 40000 /dev/zero | tr '\\0' x; echo; while read -r line; do :; done; sleep 99";
    await using talker = await idle({ command: ["sh", "-c", script] });
    const texts: string[] = [];
    for await (const { text } of talker.logs({ follow: true })) {
      texts.push(text);
      await talker.kill();
    }
    expect(texts).toEqual(["x".repeat(40_000)]);
    const abort = new AbortController();
    await using speaker = await idle({ command: ["sh", "-c", "echo once; sleep 99"] });
    const following = (async () => {
      for await (const _ of speaker.logs({ follow: true, signal: abort.signal })) abort.abort();
    })();
    expect((await failure(following)).code).toBe("INTERRUPTED");
  });

  it("is healthy when its check says so", async () => {
    await using checked = await idle({
      command: ["sh", "-c", "touch /ready; sleep 999"],
      health: { test: ["CMD", "test", "-e", "/ready"], intervalMs: 100 },
    });
    expect(await checked.wait({ conditions: ["healthy"] })).toEqual({ status: -1 });
  });

  it("is not waited for to be healthy when it has ended, or has no check", async () => {
    await using over = await idle({
      command: ["sh", "-c", "exit 3"],
      name: "over",
      health: { test: ["CMD", "false"], intervalMs: 100 },
    });
    const ended = await failure(over.wait({ conditions: ["healthy"] }));
    expect(ended.code).toBe("CONTAINER_NOT_RUNNING");
    expect(ended.message).toBe(
      "wait for the health of container over: it has ended, with status 3",
    );
    expect(await over.wait({ conditions: ["healthy", "exited"] })).toEqual({ status: 3 });
    await using unchecked = await idle();
    expect((await failure(unchecked.wait({ conditions: ["healthy"] }))).code).toBe("USAGE");
  });

  it("is called by its name in messages", async () => {
    await using box = await idle({ name: "called" });
    const { message } = await failure(
      box.wait({ conditions: ["paused"], signal: AbortSignal.timeout(1) }),
    );
    expect(message).toBe("wait for container called: interrupted");
  });
});

describe("the library", () => {
  it("has several instances in one process, over one store or several", async () => {
    await using second = await Tsman.open({ root: store().root, runtimeDir: store().runtimeDir });
    await using elsewhere = await Tsman.open({
      root: join(store().scratch, "other"),
      runtimeDir: join(store().scratch, "other-run"),
    });
    const options: RunOptions = { command: ["sleep", "99"], network: "none", name: "same" };
    const [here, there] = await Promise.all([
      second.containers.run("localhost/busybox", options),
      elsewhere.containers.run("localhost/busybox", options),
    ]);
    expect((await failure(idle({ name: "same" }))).code).toBe("NAME_IN_USE");
    expect(await names()).toContain("same");
    expect((await here.exec(["hostname"])).stdout).not.toBe(
      (await there.exec(["hostname"])).stdout,
    );
  });

  it("gives up what it is starting when it is disposed of, and leaves nothing", async () => {
    const second = await Tsman.open({ root: store().root, runtimeDir: store().runtimeDir });
    const starts = Array.from({ length: 4 }, () =>
      second.containers.run("localhost/busybox", { command: ["sleep", "99"], network: "none" }),
    );
    const ends = Promise.allSettled(starts);
    await second[Symbol.asyncDispose]();
    for (const end of await ends) {
      // One that was quick enough was handed out, and is gone.
      if (end.status === "rejected") expect(end.reason).toMatchObject({ code: "INTERRUPTED" });
    }
    const late = await failure(second.containers.run("localhost/busybox"));
    expect(late.code).toBe("INTERRUPTED");
    expect(await names()).toEqual([]);
    expect(readdirSync(join(store().root, "containers"))).toEqual([]);
  });

  it("does nothing whose signal is aborted already, for who brings descriptors too", async () => {
    const signal = AbortSignal.abort();
    const io = { stdin: 0, stdout: 1, stderr: 2, signal } as const;
    const { containers } = tsman;
    await using box = await idle({ health: { test: ["CMD", "sleep", "50"], intervalMs: 60_000 } });
    const stopped = await idle();
    await stopped.stop({ timeout: 0 });
    const options = { ...defaultContainerOptions, image: "localhost/busybox", detach: true };
    const program = {
      ...{ command: ["true"], env: [], detachKeys: [] },
      ...{ interactive: false, tty: false },
    };
    const first = async (stream: AsyncIterable<unknown>): Promise<void> => {
      for await (const _ of stream) return;
    };
    const attempts: Readonly<Record<string, () => Promise<unknown>>> = {
      create: () => containers.create(options, { signal }),
      launch: () => containers.launch(options, io),
      start: () => containers.start(stopped.id, io),
      restart: () => containers.restart(box.id, { signal, timeout: 0 }),
      clone: () => containers.clone(box.id, {}, { signal }),
      exec: () => containers.exec(box.id, program, io),
      healthcheck: () => containers.healthcheck(box.id, AbortSignal.timeout(50)),
      commit: () => containers.commit(box.id, { signal }),
      stop: () => containers.stop(box.id, { signal, timeout: 0 }),
      remove: () => containers.remove(box.id, { signal, force: true }),
      startEnabled: () => first(containers.startEnabled({ signal })),
      check: () => first(tsman.check({ signal })),
      reset: () => tsman.system.reset({ signal }),
    };
    for (const [name, work] of Object.entries(attempts)) {
      expect([name, (await failure(work())).code]).toEqual([name, "INTERRUPTED"]);
    }
    expect((await box.exec(["echo", "there"])).stdout).toBe("there\n");
    await stopped.remove();
    expect(await names()).toEqual([box.name]);
  });

  it("refuses what no type allows", async () => {
    await using box = await idle();
    const drain = async (stream: AsyncIterable<unknown>): Promise<void> => {
      for await (const _ of stream);
    };
    const attempts: Readonly<Record<string, () => Promise<unknown>>> = {
      condition: () => box.wait({ conditions: ["sick" as "healthy"] }),
      tail: () => drain(box.logs({ tail: -3 })),
      since: () => drain(box.logs({ since: new Date("nonsense") })),
      until: () => drain(box.logs({ until: new Date(Number.NaN) })),
      maxOutput: () => box.exec(["true"], { maxOutput: -1 }),
      tty: () => box.exec(["true"], { tty: true } as object),
      encoding: () => box.exec(["true"], { encoding: "latin1" as "utf8" }),
      input: () => box.exec(["true"], { input: 7 as unknown as string }),
      terminal: () => box.spawn(["true"], { terminal: { rows: 24 } as never }),
    };
    for (const [name, work] of Object.entries(attempts)) {
      expect([name, (await failure(work())).code]).toEqual([name, "USAGE"]);
    }
  });

  it("has no more to say of what a container uses when that is removed", async () => {
    const box = await idle();
    const samples = tsman.containers.stats({ containers: [box.id], interval: 50 });
    expect((await samples[Symbol.asyncIterator]().next()).done).toBe(false);
    await box.remove();
    for await (const _ of samples);
  });

  it("removes at its end what its caller has forgotten", async () => {
    let id: string;
    {
      await using second = await Tsman.open({ root: store().root, runtimeDir: store().runtimeDir });
      ({ id } = await second.containers.run("localhost/busybox", {
        command: ["sleep", "99"],
        network: "none",
      }));
    }
    expect(existsSync(join(store().runtimeDir, id))).toBe(false);
    expect(await tsman.containers.find(id)).toBeUndefined();
  });

  it("says INTERRUPTED wherever a signal is aborted", async () => {
    const signal = AbortSignal.abort();
    const drain = async (stream: AsyncIterable<unknown>): Promise<void> => {
      for await (const _ of stream);
    };
    const { containers, images } = tsman;
    const { id } = await idleKept();
    const all: Readonly<Record<string, () => Promise<unknown>>> = {
      pull: () => images.pull("127.0.0.1:1/nothing", { signal }),
      wait: () => containers.wait(id, { signal }),
      events: () => drain(tsman.events({ signal })),
      stats: () => drain(containers.stats({ signal })),
      logs: () => drain(containers.logs(id, { signal, follow: true })),
      start: async () => (await containers.get(id)).start({ signal }),
      stop: async () => (await containers.get(id)).stop({ signal }),
    };
    for (const [name, work] of Object.entries(all)) {
      expect([name, (await failure(work())).code]).toEqual([name, "INTERRUPTED"]);
    }
    await containers.remove("kept", { force: true });
  });

  it("says of a store that was closed that it was", async () => {
    const closed = await Tsman.open({ root: store().root, runtimeDir: store().runtimeDir });
    closed.close();
    expect((await failure(closed.containers.list())).message).toContain("it was closed");
    await closed[Symbol.asyncDispose]();
  });

  it("does not leave descriptors, listeners or children behind", async () => {
    const controller = new AbortController();
    const open = (): number => readdirSync("/proc/self/fd").length;
    const once = async (): Promise<void> => {
      await using box = await idle({ signal: controller.signal });
      await box.exec(["true"], { signal: controller.signal });
    };
    await once();
    const before = open();
    const warnings: Error[] = [];
    process.on("warning", (warning) => warnings.push(warning));
    for (let i = 0; i < 12; i += 1) await once();
    expect(open()).toBeLessThanOrEqual(before + 1);
    expect(warnings).toEqual([]);
  });
});
