import { describe, expect, test } from "vitest";
import type { ContainerOptions } from "../../../src/container/options.ts";
import type { RunIo, RunSession } from "../../../src/engine/types.ts";
import { TsmanError } from "../../../src/errors/index.ts";
import { run } from "../cli/fake-context.ts";

const never = new Promise<never>(() => {});

/** An engine whose containers end as told; it remembers what it was asked. */
function engineOf(changes: Partial<RunSession> = {}) {
  const asked: { options: ContainerOptions; io: RunIo }[] = [];
  const calls: string[] = [];
  const session: RunSession = {
    id: "a".repeat(64),
    name: "x",
    started: Promise.resolve(),
    exited: Promise.resolve({ status: 0 }),
    detached: never,
    signal: (n) => calls.push(`signal ${n}`),
    resize: () => calls.push("resize"),
    release: () => calls.push("release"),
    ...changes,
  };
  const containers = {
    launch: async (options: ContainerOptions, io: RunIo) => {
      asked.push({ options, io });
      return session;
    },
  };
  return { asked, calls, containers };
}

describe("run", () => {
  test.each([0, 7, 126, 137])("ends with the container's status %i", async (status) => {
    const engine = engineOf({ exited: Promise.resolve({ status }) });
    expect(await run(["run", "busybox"], engine)).toEqual({ status, stdout: "", stderr: "" });
  });

  test("hands descriptors 0 to 2 over and writes nothing to them itself", async () => {
    const engine = engineOf();
    await run(["run", "-i", "busybox", "cat"], engine);
    expect(engine.asked[0]?.io).toMatchObject({ stdin: 0, stdout: 1, stderr: 2 });
    expect(engine.asked[0]?.options).toMatchObject({ interactive: true, command: ["cat"] });
  });

  test("-d prints the id once it has started, and lets go", async () => {
    const engine = engineOf({ exited: never });
    expect(await run(["run", "-d", "busybox"], engine)).toEqual({
      status: 0,
      stdout: `${"a".repeat(64)}\n`,
      stderr: "",
    });
    expect(engine.calls).toEqual(["release"]);
  });

  test("-d of a program that cannot start prints no id", async () => {
    const error = new TsmanError("COMMAND_NOT_FOUND", "run nosuch: no such program");
    const started = Promise.reject(error);
    started.catch(() => {});
    const { status, stdout, stderr } = await run(
      ["run", "-d", "busybox", "nosuch"],
      engineOf({ started }),
    );
    expect({ status, stdout }).toEqual({ status: 127, stdout: "" });
    expect(stderr).toContain("run nosuch: no such program");
  });

  test("the detach keys end the command line with 0 and leave the container", async () => {
    const engine = engineOf({ exited: never, detached: Promise.resolve() });
    expect((await run(["run", "-it", "busybox"], engine)).status).toBe(0);
    expect(engine.calls).toEqual(["release"]);
  });

  test("a signal goes on to the container by its number", async () => {
    const exit = Promise.withResolvers<{ status: number }>();
    const engine = engineOf({
      exited: exit.promise,
      signal: (n) => exit.resolve({ status: 128 + n }),
    });
    const running = run(["run", "busybox"], engine);
    const waitUntilProxied = async (): Promise<void> => {
      while (process.listenerCount("SIGUSR2") === 0) await new Promise(setImmediate);
    };
    await waitUntilProxied();
    process.emit("SIGUSR2", "SIGUSR2");
    expect((await running).status).toBe(128 + 12);
    expect(process.listenerCount("SIGUSR2")).toBe(0);
  });

  test("an interruption before the start ends with 130", async () => {
    const containers = {
      launch: (_: ContainerOptions, io: RunIo) =>
        new Promise<never>((_resolve, reject) => {
          io.signal?.addEventListener("abort", () => reject(io.signal?.reason as Error));
          process.emit("SIGINT", "SIGINT");
        }),
    };
    const { status, stderr } = await run(["run", "busybox"], { containers });
    expect(status).toBe(130);
    expect(stderr).toContain("interrupted by SIGINT");
  });

  test("warnings go to stderr", async () => {
    const engine = engineOf();
    const { stderr } = await run(["run", "--network=host", "-p", "80", "busybox"], engine);
    expect(stderr).toBe("tsman: warning: published ports have no effect with --network host\n");
  });

  test("--tls-verify is passed on only when it was said", async () => {
    const engine = engineOf();
    await run(["run", "busybox"], engine);
    await run(["run", "--tls-verify=false", "busybox"], engine);
    expect(engine.asked.map(({ io }) => io.tlsVerify)).toEqual([undefined, false]);
  });

  test("--explain prints instead of running", async () => {
    const explain = async () => ({
      sections: [
        { title: "namespaces", entries: [{ what: "user", because: "always" }] },
        { title: "ports", entries: [] },
      ],
    });
    const text = await run(["run", "--explain", "busybox"], { explain });
    expect(text.stdout).toBe("namespaces:\n  user  <- always\n");
    const json = await run(["run", "--explain=json", "busybox"], { explain });
    expect(JSON.parse(json.stdout)).toEqual(await explain());
  });
});
