import { describe, expect, test } from "vitest";
import type { ContainerProcess, ContainerStats } from "../../../src/engine/types.ts";
import { run } from "../cli/fake-context.ts";
import { container } from "./sample.ts";

const init: ContainerProcess = {
  pid: 1,
  parentPid: 0,
  processGroup: 1,
  hostPid: 4711,
  user: "root",
  group: "root",
  realUser: "www",
  realGroup: "www",
  groups: ["root", "5"],
  hostUser: "me",
  hostGroup: "mine",
  hostGroups: [],
  command: "sleep",
  arguments: ["sleep", "1000"],
  state: "S",
  sessionLeader: true,
  foreground: true,
  threads: 1,
  nice: 0,
  residentSize: 2048,
  virtualSize: 4096,
  cpuTime: 2500,
  elapsed: 3_661_500,
  startedAt: "2026-01-01T10:00:00.000Z",
  terminal: "pts/0",
  capabilities: {
    ambient: [],
    bounding: ["CAP_KILL", "CAP_CHOWN"],
    effective: [],
    inheritable: [],
    permitted: [],
  },
  seccomp: "filter",
};
const zombie: ContainerProcess = {
  ...init,
  pid: 7,
  parentPid: 1,
  arguments: [],
  command: "gone",
  terminal: undefined,
};
/** As ps(1) prints a moment of this year, and of an earlier one. */
const shortStart = new Date().getFullYear() === 2026 ? "Jan01" : "2026";
const processes = async () => [init, zombie];

describe("top", () => {
  test("has Podman's columns", async () => {
    const { status, stdout } = await run(["top", "web"], { containers: { processes } });
    expect(status).toBe(0);
    const lines = stdout.split("\n").map((line) => line.trimEnd().split(/ {2,}/));
    expect(lines).toEqual([
      ["USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"],
      ["root", "1", "0", "0.068", "1h1m1.5s", "pts/0", "2s", "sleep 1000"],
      ["root", "7", "1", "0.068", "1h1m1.5s", "?", "2s", "[gone]"],
      [""],
    ]);
  });

  test.each([
    [
      ["hpid", "huser", "hgroup"],
      ["HPID", "HUSER", "HGROUP"],
      ["4711", "me", "mine"],
    ],
    [["pid,comm"], ["PID", "COMMAND"], ["1", "sleep"]],
    [
      ["%p", "%u", "%g"],
      ["PID", "RUSER", "RGROUP"],
      ["1", "www", "www"],
    ],
    [
      ["rss", "vsz", "nice"],
      ["RSS", "VSZ", "NI"],
      ["2", "4", "0"],
    ],
    [
      ["capbnd", "capeff"],
      ["BOUNDING CAPS", "EFFECTIVE CAPS"],
      ["CHOWN,KILL", "none"],
    ],
    [
      ["groups", "label", "seccomp"],
      ["GROUPS", "LABEL", "SECCOMP"],
      ["root,5", "?", "filter"],
    ],
    [["STIME"], ["STIME"], ["2026-01-01 10:00:00 +0000 UTC"]],
  ])("%j are columns", async (words, headings, cells) => {
    const { stdout } = await run(["top", "web", ...words], { containers: { processes } });
    const [header, first] = stdout.split("\n").map((line) => line.trimEnd().split(/ {2,}/));
    expect([header, first]).toEqual([headings, cells]);
  });

  describe("with options of ps(1)", () => {
    const rows = async (...words: readonly string[]) =>
      (await run(["top", "web", ...words], { containers: { processes } })).stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.trimEnd().split(/ {2,}/));

    test.each([["-ef"], ["-e -f"], ["-Af"], ["-eafw"]])("%s is the full format", async (words) => {
      expect(await rows(...words.split(" "))).toEqual([
        ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
        ["root", "1", "0", "0", shortStart, "pts/0", "00:00:02", "sleep 1000"],
        ["root", "7", "1", "0", shortStart, "?", "00:00:02", "[gone]"],
      ]);
    });

    test.each([["aux"], ["-aux"], ["auxww"], ["u"]])("%s is the user's format", async (word) => {
      const [header, first] = await rows(word);
      const headings = "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND";
      expect(header).toEqual(headings.split(" "));
      const cells = ["root", "1", "0.1", "0.0", "4", "2", "pts/0", "Ss+", shortStart, "0:02"];
      expect(first).toEqual([...cells, "sleep 1000"]);
    });

    test.each([
      [["-e"], ["PID", "TTY", "TIME", "CMD"], ["1", "pts/0", "00:00:02", "sleep"]],
      [
        ["ax"],
        ["PID", "TTY", "STAT", "TIME", "COMMAND"],
        [...["1", "pts/0", "Ss+", "0:02", "sleep 1000"]],
      ],
      [
        ["-eo", "pid,cmd,etime"],
        ["PID", "CMD", "ELAPSED"],
        ["1", "sleep 1000", "01:01:01"],
      ],
      [
        ["-opid=ID", "-o", "%cpu etimes"],
        ["ID", "%CPU", "ELAPSED"],
        ["1", "0.1", "3661"],
      ],
      [
        ["axo", "pid,hpid,seccomp"],
        ["PID", "HPID", "SECCOMP"],
        ["1", "4711", "filter"],
      ],
    ])("%j chooses columns", async (words, headings, cells) => {
      expect((await rows(...words)).slice(0, 2)).toEqual([headings, cells]);
    });

    test("-o with empty headings has no header", async () => {
      expect(await rows("-o", "pid=", "-o", "comm=")).toEqual([
        ["1", "sleep"],
        ["7", "gone"],
      ]);
    });
  });

  test.each([
    [["top"], "no container is named"],
    [["top", "web", "nonsense"], 'no column "nonsense"'],
    [["top", "web", "constructor"], 'no column "constructor"'],
    [["top", "web", "-eH"], "runs nothing in a container"],
    [["top", "web", "-ef", "--sort=pid"], "--sort=pid of ps(1) is not supported"],
    [["top", "web", "auxj"], 'no column "auxj"'],
    [["top", "web", "-C", "sleep"], "-C of ps(1) is not supported"],
    [["top", "web", "-o"], "needs columns"],
    [["top", "web", "-o", "pid,nonsense"], 'no column "nonsense"'],
    [["top", "web", "-o", "constructor"], 'no column "constructor"'],
  ])("%j is refused", async (argv, why) => {
    const { status, stderr } = await run(argv, { containers: { processes } });
    expect(status).toBe(125);
    expect(stderr).toContain(why);
  });

  // S35: a program chooses what it is called.
  test("paints nothing on a terminal", async () => {
    const painted = { ...init, command: "\x1b[2Ja", arguments: ["a\nb", "\u009b1m"] };
    const containers = { processes: async () => [painted] };
    const { stdout } = await run(
      ["top", "a", "comm", "args"],
      { containers },
      { isTerminal: true },
    );
    expect(stdout).not.toMatch(/[\x1b\u009b]/);
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
  });

  test("--list-descriptors names the columns, of no container", async () => {
    const { status, stdout } = await run(["top", "--list-descriptors"]);
    expect(status).toBe(0);
    const names = stdout.trimEnd().split("\n");
    expect(names).toHaveLength(30);
    expect(names).toEqual(names.toSorted());
    expect(names).toContain("huser");
  });

  test("--latest leaves all words to the columns", async () => {
    const seen: string[] = [];
    const containers = {
      list: async () => [container()],
      processes: async (name: string) => {
        seen.push(name);
        return [init];
      },
    };
    expect((await run(["top", "-l", "pid"], { containers })).stdout).toBe("PID\n1\n");
    expect(seen).toEqual([container().id]);
  });
});

const used: ContainerStats = {
  id: "0123456789abcdef".repeat(4),
  name: "web",
  cpuPercent: 12.345,
  averageCpuPercent: 1,
  cpuTime: 65_500,
  elapsed: 100_000,
  memory: 1_455_000,
  memorySource: "pss",
  memoryLimit: 25_280_000_000,
  network: { received: 656, sent: 1_000_000 },
  block: undefined,
  tasks: 3,
};

describe("stats", () => {
  const stats = async function* () {
    yield [used];
  };

  test("has Podman's columns", async () => {
    const { stdout } = await run(["stats", "--no-stream"], { containers: { stats } });
    expect(stdout.split("\n").map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
      [
        ...["ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET IO", "BLOCK IO", "PIDS"],
        ...["CPU TIME", "AVG CPU %"],
      ],
      [
        ...["0123456789ab", "web", "12.35%", "1.455MB / 25.28GB", "0.01%", "656B / 1MB"],
        ...["-- / --", "3", "1m5.5s", "1.00%"],
      ],
      [""],
    ]);
  });

  test("has Podman's JSON and Docker's fields", async () => {
    const json = await run(["stats", "--no-stream", "--format", "json"], { containers: { stats } });
    expect(JSON.parse(json.stdout)).toMatchObject([
      { id: "0123456789ab", cpu_percent: "12.35%", mem_percent: "0.01%", pids: "3" },
    ]);
    const argv = ["stats", "--no-trunc", "--format", "{{.Container}} {{.PIDs}} {{.MemUsageBytes}}"];
    const text = await run(argv, { containers: { stats } });
    expect(text.stdout).toBe(`${used.id} 3 1.388MiB / 23.54GiB\n`);
  });

  test("asks for what the options say", async () => {
    const seen: unknown[] = [];
    const containers = {
      list: async () => [container()],
      stats: async function* (options: unknown) {
        seen.push(options);
        yield [];
      },
    };
    await run(["stats", "-i", "2", "a", "b"], { containers });
    await run(["stats", "--no-stream", "--all"], { containers });
    await run(["stats", "--latest"], { containers });
    expect(seen).toMatchObject([
      { containers: ["a", "b"], once: false, interval: 2000 },
      { containers: [], once: true },
      { containers: [container().id] },
    ]);
    expect((await run(["stats", "--all", "a"], { containers })).status).toBe(125);
    expect((await run(["stats", "-i", "0"], { containers })).status).toBe(125);
  });

  test("clears the screen between samples only where somebody looks on", async () => {
    const live = await run(["stats"], { containers: { stats } }, { isTerminal: true });
    expect(live.stdout).toMatch(/^\x1b\[2J/);
    const piped = await run(["stats"], { containers: { stats } });
    expect(piped.stdout).not.toContain("\x1b");
    const kept = await run(
      ["stats", "--no-reset"],
      { containers: { stats } },
      { isTerminal: true },
    );
    expect(kept.stdout).not.toContain("\x1b");
  });
});

describe("port", () => {
  const ports = [
    { hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" as const },
    { hostIp: "0.0.0.0", hostPort: 8081, containerPort: 80, protocol: "tcp" as const },
    { hostIp: "::1", hostPort: 5353, containerPort: 53, protocol: "udp" as const },
  ];
  const containers = {
    list: async () => [container({ ports })],
    inspect: async (name: string) =>
      container({ ports, ...(name === "stopped" ? { state: "stopped" } : {}) }) as never,
  };

  test.each([
    [["port", "web"], "80/tcp -> 0.0.0.0:8080\n80/tcp -> 0.0.0.0:8081\n53/udp -> [::1]:5353\n"],
    [["port", "web", "80"], "0.0.0.0:8080\n0.0.0.0:8081\n"],
    [["port", "web", "80/TCP"], "0.0.0.0:8080\n0.0.0.0:8081\n"],
    [["port", "web", "53/udp"], "[::1]:5353\n"],
    [["port", "--latest", "53/udp"], "[::1]:5353\n"],
    [["port", "stopped"], ""],
  ])("%j", async (argv, expected) => {
    expect(await run(argv, { containers })).toEqual({ status: 0, stdout: expected, stderr: "" });
  });

  test("--all names the containers", async () => {
    const { stdout } = await run(["port", "--all"], { containers });
    expect(stdout.split("\n")[0]).toBe("0123456789ab\t80/tcp -> 0.0.0.0:8080");
  });

  test.each([
    [["port"], "none is named"],
    [["port", "web", "53"], "does not publish it"],
    [["port", "web", "http"], "not PORT[/PROTOCOL]"],
    [["port", "web", "70000"], "not PORT[/PROTOCOL]"],
    [["port", "--all", "web"], "exclude each other"],
    [["port", "--latest", "80", "81"], "more than one port"],
  ])("%j is refused", async (argv, why) => {
    const { status, stderr } = await run(argv, { containers });
    expect(status).toBe(125);
    expect(stderr).toContain(why);
  });
});
