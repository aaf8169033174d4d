import { describe, expect, test } from "vitest";
import { TsmanError } from "../../../src/errors/index.ts";
import { run } from "../cli/fake-context.ts";
import { container, scratch } from "./sample.ts";

const missing = (): Promise<never> =>
  Promise.reject(new TsmanError("CONTAINER_NOT_FOUND", "no such container"));

describe("stop, kill, wait, rm", () => {
  test("do it for each, print its name, and end with the last failure", async () => {
    const stop = async (name: string) => {
      if (name === "b") await missing();
    };
    const { status, stdout } = await run(["stop", "a", "b", "c"], { containers: { stop } });
    expect({ status, stdout }).toEqual({ status: 125, stdout: "a\nc\n" });
  });

  test("stop passes its seconds on, under both names", async () => {
    const seen: unknown[] = [];
    const stop = async (_: string, options: unknown) => {
      seen.push(options);
    };
    await run(["stop", "-t", "3", "a"], { containers: { stop } });
    await run(["stop", "--timeout=4", "a"], { containers: { stop } });
    expect(seen).toMatchObject([{ timeout: 3 }, { timeout: 4 }]);
  });

  const several = {
    list: async () => [
      container({ id: "c".repeat(64), name: "new", state: "created" }),
      container({ id: "b".repeat(64), name: "paused", state: "paused" }),
      container({ id: "a".repeat(64), name: "old", createdAt: "2025-01-01T00:00:00Z" }),
      container({ id: "d".repeat(64), name: "gone", state: "stopped", createdAt: "2024-01-01" }),
    ],
  };
  const named = (text: string): string => text.replace(/([a-d])\1*\n/g, "$1");

  test.each([
    [["stop", "--all"], "ba"],
    [["kill", "--all"], "ba"],
    [["rm", "--all"], "cbad"],
    [["stop", "--latest"], "c"],
    [["kill", "-l"], "c"],
    [["rm", "-l"], "c"],
    [["wait", "-l"], "0"],
    [["stop", "--filter", "name=o"], "a"],
    [["rm", "--filter", "status=exited"], "d"],
    [["rm", "--all", "--filter", "name=new"], "c"],
    [["rm", "--filter", "name=nothing"], ""],
  ])("%j means %s", async (argv, expected) => {
    const containers = {
      ...several,
      stop: async () => {},
      kill: async () => {},
      remove: async () => {},
      wait: async () => ({ status: 0 }),
    };
    const { status, stdout } = await run(argv, { containers });
    expect({ status, named: named(stdout.replace("0\n", "0")) }).toEqual({
      status: 0,
      named: expected,
    });
  });

  test.each([
    [["stop"], "none is named"],
    [["rm"], "none is named"],
    [["kill"], "none is named"],
    [["wait"], "none is named"],
    [["stop", "--all", "a"], "--all and names exclude each other"],
    [["stop", "--latest", "a"], "--latest and names exclude each other"],
    [["kill", "--all", "--latest"], "--all and --latest exclude each other"],
    [["rm", "--filter", "name=x", "a"], "--filter and names exclude each other"],
    [["rm", "--all", "--cidfile", "/dev/null"], "--all and --cidfile exclude each other"],
    [["rm", "--cidfile", "/dev/null"], "it holds no id"],
    [["rm", "--cidfile", "/nonexistent/file"], "read --cidfile /nonexistent/file"],
    [["wait", "--condition", "asleep", "a"], "--condition"],
    [["wait", "--interval", "0", "a"], "--interval"],
  ])("%j is refused", async (argv, why) => {
    const { status, stderr } = await run(argv, { containers: several });
    expect(status).toBe(125);
    expect(stderr).toContain(why);
  });

  test("--latest says so when there is no container", async () => {
    const { status, stderr } = await run(["rm", "-l"], { containers: { list: async () => [] } });
    expect(status).toBe(125);
    expect(stderr).toContain("there is none");
  });

  test("--cidfile names containers, several times and beside others", async () => {
    using directory = scratch();
    const files = ["one", "two"].map((id) => directory.file(id, `${id}\n`));
    const stop = async () => {};
    const argv = ["stop", ...files.flatMap((file) => ["--cidfile", file]), "three"];
    const { stdout } = await run(argv, { containers: { stop } });
    expect(stdout.split("\n").sort()).toEqual(["", "one", "three", "two"]);
  });

  test("several are stopped at once", async () => {
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    const stop = async (): Promise<void> => {
      waiting += 1;
      if (waiting === 3) all.resolve();
      await all.promise;
    };
    expect((await run(["stop", "a", "b", "c"], { containers: { stop } })).status).toBe(0);
  });

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
    const { stop } = { stop: missing };
    expect((await run(["stop", "--ignore", "a"], { containers: { stop } })).status).toBe(0);
  });

  test("rm ends with 1 when one is not there, whatever else fails", async () => {
    const remove = (name: string): Promise<never> =>
      name === "missing"
        ? missing()
        : Promise.reject(new TsmanError("CONTAINER_RUNNING", "it is running"));
    expect((await run(["rm", "missing", "runs"], { containers: { remove } })).status).toBe(1);
    expect((await run(["rm", "runs"], { containers: { remove } })).status).toBe(2);
  });

  test("init, unmount and container cleanup end with 125 for one that runs, as with Podman", async () => {
    const runs = (): Promise<never> =>
      Promise.reject(new TsmanError("CONTAINER_RUNNING", "it is running"));
    const containers = { init: runs, cleanUp: runs, unmount: runs };
    for (const argv of [
      ["init", "a"],
      ["container", "cleanup", "a"],
      ["unmount", "a"],
    ]) {
      expect((await run(argv, { containers })).status, argv.join(" ")).toBe(125);
    }
  });

  test("unmount of what is not mounted is done at once", async () => {
    const containers = { unmount: async () => false };
    expect(await run(["unmount", "a"], { containers })).toMatchObject({ status: 0, stdout: "a\n" });
  });

  test("wait hands its conditions on, and --ignore prints -1 for what is not there", async () => {
    const seen: unknown[] = [];
    const wait = async (_: string, options: unknown) => {
      seen.push(options);
      return { status: -1 };
    };
    const containers = { wait, find: async () => undefined };
    const argv = ["wait", "--condition", "running", "--condition", "exited", "-i", "2s", "a"];
    await run(argv, { containers });
    expect(seen).toMatchObject([{ conditions: ["running", "exited"], interval: 2000 }]);
    expect((await run(["wait", "--ignore", "a"], { containers })).stdout).toBe("-1\n");
    expect(seen).toHaveLength(1);
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
    expect((await run(["logs", "a"], { containers: { logs } })).status).toBe(125);
  });
});

describe("logs of several", () => {
  type Line = readonly [second: number, stream: "stdout" | "stderr", text: string, more?: boolean];
  const contents: Readonly<Record<string, readonly Line[]>> = {
    web: [
      [1, "stdout", "w1"],
      [3, "stdout", "w3, ", true],
      [4, "stdout", "its end"],
      [6, "stderr", "w6"],
    ],
    db: [
      [2, "stdout", "d2"],
      [5, "stdout", "d5"],
    ],
  };
  const containers = {
    list: async () => [container({ name: "db" })],
    inspect: async (name: string) => {
      if (!Object.hasOwn(contents, name)) await missing();
      return { ...container({ name }), id: name } as never;
    },
    logs: async function* (name: string) {
      for (const [second, stream, text, isPartial = false] of contents[name] ?? []) {
        const time = `2026-01-01T00:00:0${second}Z`;
        yield { time, stream, isPartial, text: Buffer.from(text) };
      }
    },
  };

  test("are one sequence in time, whole lines with the id in front, each stream to its own", async () => {
    expect(await run(["logs", "web", "db"], { containers })).toEqual({
      status: 0,
      stdout: "web w1\ndb d2\nweb w3, its end\ndb d5\n",
      stderr: "web w6\n",
    });
  });

  test("may have names, times and colours", async () => {
    const argv = ["logs", "--names", "-t", "--color", "db", "web"];
    const [first, second] = (await run(argv, { containers })).stdout.split("\n");
    expect(first).toBe("\x1b[33mweb\x1b[0m 2026-01-01T00:00:01Z w1");
    expect(second).toBe("\x1b[36mdb\x1b[0m 2026-01-01T00:00:02Z d2");
  });

  test("while following come as they come", async () => {
    const { stdout } = await run(["logs", "-f", "web", "db"], { containers });
    expect(stdout.split("\n").sort()).toEqual(
      ["", "db d2", "db d5", "web w1", "web w3, its end"].sort(),
    );
  });

  test("go on without one that is not there", async () => {
    const { status, stdout, stderr } = await run(["logs", "nope", "db"], { containers });
    expect({ status, stdout }).toEqual({ status: 125, stdout: "db d2\ndb d5\n" });
    expect(stderr).toContain("no such container");
  });

  test("go on without one that fails on the way", async () => {
    const broken = {
      ...containers,
      logs: async function* (name: string) {
        if (name === "web") throw new TsmanError("LOG_UNAVAILABLE", "its log driver is none");
        yield* containers.logs(name);
      },
    };
    const result = await run(["logs", "web", "db"], { containers: broken });
    expect(result).toMatchObject({ status: 125, stdout: "db d2\ndb d5\n" });
    expect(result.stderr).toContain("its log driver is none");
  });

  test.each([[["logs"]], [["logs", "--latest", "a"]]])("%j is refused", async (argv) => {
    expect((await run(argv, { containers })).status).toBe(125);
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

  test("as a template, by Podman's and Docker's names", async () => {
    const maps = [{ container_id: 0, host_id: 7, size: 1 }];
    const facts = async () => ({
      version: { Version: "1.0", tsman: "1.0" },
      host: {
        arch: "arm64",
        cgroupVersion: "v2",
        distribution: { distribution: "debian", prettyName: "Debian" },
        idMappings: { uidmap: maps, gidmap: maps },
        security: { capabilities: "CAP_KILL", rootless: false },
        memTotal: 5,
      },
      store: {
        containerStore: { number: 3, running: 1, paused: 0, stopped: 2 },
        imageStore: { number: 2 },
        graphStatus: { "Backing Filesystem": "ext4" },
        graphOptions: {},
      },
      registries: { search: ["docker.io"] },
    });
    for (const [template, text] of [
      ["{{.version.tsman}} {{.ServerVersion}}", "1.0 1.0"],
      ["{{.Host.Arch}} {{.Architecture}} {{.MemTotal}}", "arm64 aarch64 5"],
      ["{{.Host.CgroupsVersion}} {{.CgroupVersion}}", "v2 2"],
      ["{{(index .Host.IDMappings.UIDMap 0).HostID}}", "7"],
      ["{{.Host.Security.DefaultCapabilities}} {{.SecurityOptions}}", /^CAP_KILL \[name=seccomp/],
      ["{{.Containers}} {{.ContainersStopped}} {{.Images}}", "3 2 2"],
      ["{{.Registries}} {{.DriverStatus}}", "map[search:[docker.io]] [[Backing Filesystem ext4]]"],
    ] as const) {
      const { stdout } = await run(["info", "-f", template], { info: facts });
      expect(stdout.trimEnd()).toMatch(text);
    }
  });
});
