import { describe, expect, test } from "vitest";
import { TsmanError } from "../../../src/errors/index.ts";
import { run } from "../cli/fake-context.ts";
import { container } from "./sample.ts";

const missing = (): Promise<never> =>
  Promise.reject(new TsmanError("CONTAINER_NOT_FOUND", "no such container"));

describe("stop, kill, wait, rm", () => {
  test("do it for each, print its name, and end with the last failure", async () => {
    const stop = async (name: string) => {
      if (name === "b") await missing();
    };
    const { status, stdout } = await run(["stop", "a", "b", "c"], { containers: { stop } });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "a\nc\n" });
  });

  test("stop passes its seconds on, under both names", async () => {
    const seen: unknown[] = [];
    const stop = async (_: string, options: unknown) => {
      seen.push(options);
    };
    await run(["stop", "-t", "3", "a"], { containers: { stop } });
    await run(["stop", "--timeout=4", "a"], { containers: { stop } });
    expect(seen).toEqual([{ timeout: 3 }, { timeout: 4 }]);
  });

  test("--all means those that run for stop, and all of them for rm", async () => {
    const asked: unknown[] = [];
    const containers = {
      list: async (options: unknown) => {
        asked.push(options);
        return [container()];
      },
      stop: async () => {},
      remove: async () => {},
    };
    await run(["stop", "--all"], { containers });
    await run(["rm", "-a"], { containers });
    expect(asked).toEqual([{ all: false }, { all: true }]);
  });

  test.each([[["stop"]], [["rm"]], [["kill"]], [["stop", "--all", "a"]]])(
    "%j is refused",
    async (argv) => {
      const { status, stderr } = await run(argv);
      expect(status).toBe(125);
      expect(stderr).toContain("name one, or use --all".slice(-9));
    },
  );

  test("kill sends KILL unless told another signal", async () => {
    const seen: unknown[] = [];
    const kill = async (_: string, signal?: string) => {
      seen.push(signal);
    };
    await run(["kill", "a"], { containers: { kill } });
    await run(["kill", "-s", "HUP", "a"], { containers: { kill } });
    expect(seen).toEqual(["KILL", "HUP"]);
    expect((await run(["kill", "-s", "NOPE", "a"])).status).toBe(125);
  });

  test("rm --force and --ignore forgive what is not there", async () => {
    const containers = { remove: missing };
    expect((await run(["rm", "-f", "a"], { containers })).status).toBe(0);
    expect((await run(["rm", "--ignore", "a"], { containers })).status).toBe(0);
    expect((await run(["rm", "a"], { containers })).status).toBe(1);
  });

  test("wait prints the status", async () => {
    const wait = async () => ({ status: 3 });
    expect((await run(["wait", "a"], { containers: { wait } })).stdout).toBe("3\n");
  });
});

describe("logs", () => {
  const line = (stream: "stdout" | "stderr", text: string, isPartial = false) => ({
    time: "2026-01-01T00:00:00.000000000Z",
    stream,
    isPartial,
    text: Buffer.from(text),
  });

  test("each stream goes to its own, byte for byte", async () => {
    const logs = async function* () {
      yield line("stdout", "out\x1b[1m");
      yield line("stderr", "err");
      yield line("stdout", "par", true);
      yield line("stdout", "tial");
    };
    expect(await run(["logs", "a"], { containers: { logs } }, { isTerminal: true })).toEqual({
      status: 0,
      stdout: "out\x1b[1m\npartial\n",
      stderr: "err\n",
    });
  });

  test("-t gives each line its time, a line in pieces once", async () => {
    const logs = async function* () {
      yield line("stdout", "par", true);
      yield line("stdout", "tial");
      yield line("stdout", "next");
    };
    const { stdout } = await run(["logs", "-t", "a"], { containers: { logs } });
    const time = "2026-01-01T00:00:00.000000000Z";
    expect(stdout).toBe(`${time} partial\n${time} next\n`);
  });

  test("what is not there fails with its own status", async () => {
    const logs = (): AsyncIterable<never> => ({
      [Symbol.asyncIterator]: () => ({ next: missing }),
    });
    expect((await run(["logs", "a"], { containers: { logs } })).status).toBe(1);
  });
});

describe("doctor", () => {
  const check = {
    id: "tun",
    title: "/dev/net/tun",
    status: "broken" as const,
    found: "missing",
    consequence: "no network",
    remedy: "modprobe tun\nor --network none",
    isFatal: true,
  };

  test("says what is, what follows and what to do; 1 if run cannot work", async () => {
    const doctor = async () => ({ canRun: false, checks: [check] });
    const { status, stdout } = await run(["doctor"], { doctor });
    expect(status).toBe(1);
    expect(stdout).toBe(
      "/dev/net/tun  broken: missing\n" +
        "                so: no network\n" +
        "                do: modprobe tun\n" +
        "                    or --network none\n" +
        "\ntsman run cannot work on this host: /dev/net/tun.\n",
    );
  });

  test("--json is the report itself", async () => {
    const report = { canRun: true, checks: [{ ...check, isFatal: false }] };
    const { status, stdout } = await run(["doctor", "--json"], { doctor: async () => report });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual(report);
  });
});

describe("info", () => {
  const info = async () => ({ version: { tsman: "1.0" }, list: ["a", "b: c"], none: [], n: 3 });

  test("prints nested facts", async () => {
    expect((await run(["info"], { info })).stdout).toBe(
      'version:\n  tsman: 1.0\nlist:\n  - a\n  - "b: c"\nnone: []\nn: 3\n',
    );
  });

  test("as a template", async () => {
    const { stdout } = await run(["info", "-f", "{{.version.tsman}}"], { info });
    expect(stdout).toBe("1.0\n");
  });
});

describe("inspect", () => {
  test("says of which kind nothing was found", async () => {
    const engine = {
      containers: { find: async () => undefined },
      images: { find: async () => undefined },
    };
    expect((await run(["inspect", "x"], engine)).stderr).toContain(
      "inspect x: no such container or image",
    );
    expect((await run(["container", "inspect", "x"], engine)).status).toBe(1);
    expect((await run(["image", "inspect", "x"], engine)).stderr).toContain(
      "inspect x: no such image",
    );
  });
});
