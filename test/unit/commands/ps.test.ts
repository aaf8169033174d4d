import { describe, expect, test } from "vitest";
import type { ContainerSummary } from "../../../src/engine/types.ts";
import { run } from "../cli/fake-context.ts";
import { container } from "./sample.ts";

const old = container({
  id: "f".repeat(64),
  name: "old",
  image: "localhost/busybox:latest",
  command: ["false"],
  createdAt: "2025-12-31T12:00:00Z",
  state: "stopped",
  startedAt: "2025-12-31T12:00:00Z",
  finishedAt: "2025-12-31T12:00:01Z",
  exitCode: 1,
  ports: [],
  labels: {},
  mounts: [],
  mountSources: [],
});

const web = { ...container(), exposed: [{ containerPort: 90, protocol: "udp" }] };

/** `tsman ps` over containers; `list` gets what was asked. */
function ps(argv: string[], all: readonly ContainerSummary[] = [web, old]) {
  return run(["ps", ...argv], {
    containers: {
      list: async (options) =>
        options?.all === true ? all : all.filter(({ state }) => state === "running"),
    },
  });
}

describe("ps", () => {
  test("shows what runs, in Podman's columns", async () => {
    expect((await ps([])).stdout).toBe(
      "CONTAINER ID  IMAGE                           COMMAND               CREATED            STATUS             PORTS                 NAMES\n" +
        "0123456789ab  docker.io/library/nginx:latest  nginx -g daemon off;  About an hour ago  Up About a minute  0.0.0.0:8080->80/tcp  web\n",
    );
  });

  test("with -a the oldest is at the top, with its exit status", async () => {
    const { stdout } = await ps(["-a", "--format", "{{.Names}}: {{.Status}}"]);
    expect(stdout).toBe("old: Exited (1) 24 hours ago\nweb: Up About a minute\n");
  });

  test("an unknown exit status is said to be unknown, never 0", async () => {
    const lost = { ...old, exitCode: undefined, finishedAt: undefined };
    const { stdout } = await ps(["-a", "--format", "{{.Status}}"], [lost]);
    expect(stdout).toBe("Exited (unknown)\n");
    const json: unknown = JSON.parse((await ps(["-a", "--format", "json"], [lost])).stdout);
    expect(json).toMatchObject([{ ExitCode: null, ExitedAt: null, State: "exited" }]);
  });

  test.each([
    [["-q"], "0123456789ab\n"],
    [["-q", "--no-trunc"], `${"0123456789abcdef".repeat(4)}\n`],
    [["-aq", "--filter", "status=exited"], `${"f".repeat(12)}\n`],
    [["-q", "--filter", "exited=1"], `${"f".repeat(12)}\n`],
    [["-aq", "-f", "name=we"], "0123456789ab\n"],
    [["-aq", "-f", "label=tier"], "0123456789ab\n"],
    [["-aq", "-f", "label=tier=back"], ""],
    [["-aq", "-f", "label!=tier"], `${"f".repeat(12)}\n`],
    [["-aq", "-f", "ancestor=busybox"], `${"f".repeat(12)}\n`],
    [["-aq", "-f", "name=web", "-f", "name=old"], `${"f".repeat(12)}\n0123456789ab\n`],
    [["-aq", "-f", "before=web"], `${"f".repeat(12)}\n`],
    [["-lq"], "0123456789ab\n"],
    [["-n1", "-q"], "0123456789ab\n"],
    [["--noheading", "--format", "table {{.ID}}\\t{{.State}}"], "0123456789ab  running\n"],
    [["--format", "{{.ExposedPorts}}"], "90/udp, 80/tcp\n"],
    [["--format", '{{.Label "tier"}} {{.Ports}}'], "front 0.0.0.0:8080->80/tcp\n"],
    [
      ["--format", '{{index .Labels "tier"}} {{.Labels.tier}} {{.Labels}}'],
      "front front map[tier:front]\n",
    ],
    [["-a", "--format", "{{range .}}{{.Names}};{{end}}"], "old;web;\n"],
    [["--format", "{{.Names}}\\n"], "web\n"],
    [
      ["--format", "{{.CreatedAt}}|{{.RunningFor}}|{{.StartedAt}}|{{.ExitedAt}}"],
      "2026-01-01 11:00:00 +0000 UTC|About an hour ago|1767268740|-62135596800\n",
    ],
    [["-a", "--sort", "names", "--format", "{{.Names}}"], "old\nweb\n"],
    [["-a", "--sort", "status", "--format", "{{.State}}"], "exited\nrunning\n"],
    [["-a", "--sort", "image", "-q"], `0123456789ab\n${"f".repeat(12)}\n`],
    [["-q", "-f", "since=old"], "0123456789ab\n"],
    [["-q", "-f", "before=web"], ""],
    [["-aq", "-f", "name=^old$"], `${"f".repeat(12)}\n`],
    [["-aq", "-f", "name=^ld"], ""],
    [["-aq", "-f", "label=t*=fr*"], "0123456789ab\n"],
    [["-aq", "-f", "label=t*=x*"], ""],
    [["-aq", "-f", "volume=/src"], "0123456789ab\n"],
    [["-aq", "-f", "volume=data"], "0123456789ab\n"],
    [["-aq", "-f", "health=none"], `${"f".repeat(12)}\n0123456789ab\n`],
    [["-aq", "-f", "health=healthy"], ""],
    [["-aq", "-f", "network=slirp4netns", "-f", "command=false"], `${"f".repeat(12)}\n`],
    [["-aq", "-f", "until=2026-01-01T00:00:00Z"], `${"f".repeat(12)}\n`],
    [["-aq", "-f", "pod=x"], ""],
    [["-aq", "-f", "restart-policy=no"], `${"f".repeat(12)}\n0123456789ab\n`],
    [["-aq", "--external", "--sync"], `${"f".repeat(12)}\n0123456789ab\n`],
  ])("%j", async (argv, expected) => {
    expect((await ps(argv)).stdout).toBe(expected);
  });

  test("an unknown key of --filter is refused with those that are known", async () => {
    const { stderr } = await ps(["--filter", "bogus=1"]);
    for (const key of ["ancestor", "before", "health", "label", "status", "until", "volume"]) {
      expect(stderr).toContain(key);
    }
  });

  test("--format json has Podman's members", async () => {
    const healthy = container({ health: "healthy", restarts: 2, pid: 7, labels: {} });
    const { stdout } = await ps(["--format", "{{json .}}"], [healthy]);
    expect(JSON.parse(stdout)).toEqual([
      {
        AutoRemove: false,
        CIDFile: "",
        Command: ["nginx", "-g", "daemon off;"],
        Created: 1_767_265_200,
        CreatedAt: "About an hour ago",
        ExitCode: 0,
        Exited: false,
        ExitedAt: -62_135_596_800,
        Id: healthy.id,
        Image: "docker.io/library/nginx:latest",
        ImageID: "ab".repeat(32),
        IsInfra: false,
        Labels: null,
        Mounts: ["/src"],
        Names: ["web"],
        Namespaces: {},
        Networks: [],
        Pid: 7,
        Pod: "",
        PodName: "",
        Ports: [{ host_ip: "", container_port: 80, host_port: 8080, range: 1, protocol: "tcp" }],
        Restarts: 2,
        Size: null,
        StartedAt: 1_767_268_740,
        State: "running",
        Status: "Up About a minute (healthy)",
      },
    ]);
  });

  test("--namespace shows the namespaces of what runs", async () => {
    const namespaces = { cgroup: "1", ipc: "2", mnt: "3", net: "4", pid: "5", user: "6", uts: "7" };
    const one = container({ pid: 42, namespaces });
    const { stdout } = await ps(["--ns", "--noheading"], [one]);
    expect(stdout.trim().split(/ +/)).toEqual("0123456789ab web 42 1 2 3 4 5 6 7".split(" "));
    const json = JSON.parse((await ps(["--ns", "--format", "json"], [one])).stdout) as unknown;
    expect(json).toMatchObject([
      {
        Namespaces: { Cgroup: "1", Ipc: "2", Mnt: "3", Net: "4", Pidns: "5", User: "6", Uts: "7" },
      },
    ]);
  });

  test("--size shows what a container has written, and sorts by it", async () => {
    const small = container({ name: "small", size: { writable: 12, rootfs: 1_990_000 } });
    const big = container({ name: "big", size: { writable: 12_000, rootfs: 2_000_000 } });
    const shown = "{{.Names}} {{.Size}}";
    expect((await ps(["--sort", "size", "--format", shown], [big, small])).stdout).toBe(
      "small 12 B (virtual 1.99 MB)\nbig 12 kB (virtual 2 MB)\n".replace(/(\d) (k?M?B)/g, "$1$2"),
    );
    expect((await ps(["-s"], [small])).stdout).toMatch(/NAMES +SIZE\n.*12B \(virtual 1\.99MB\)\n$/);
  });

  test("a table of one's own has Podman's headings", async () => {
    const format = 'table {{.ID}} {{.CreatedHuman}}\\t{{.ImageID}} {{.Label "tier"}} {{.State}}';
    expect((await ps(["--format", format])).stdout).toBe(
      "CONTAINER ID  CREATED            IMAGE ID      tier        STATE\n" +
        "0123456789ab  About an hour ago  abababababab  front       running\n",
    );
  });

  test("neighbouring ports become a range", async () => {
    const ports = [80, 81, 82, 90].map((port) => ({
      hostIp: "127.0.0.1",
      hostPort: port + 8000,
      containerPort: port,
      protocol: "tcp" as const,
    }));
    const { stdout } = await ps(["--format", "{{.Ports}}"], [container({ ports })]);
    expect(stdout).toBe("127.0.0.1:8080-8082->80-82/tcp, 127.0.0.1:8090->90/tcp\n");
  });

  test.each([
    [["--filter", "bogus=1"], 'parse --filter "bogus=1": no filter "bogus"'],
    [["--filter", "name"], 'parse --filter "name": not KEY=VALUE'],
    [["--filter", "status=gone"], 'parse --filter "status=gone": no such status'],
    [["--filter", "exited=x"], 'parse --filter "exited=x": not a whole number'],
    [["--filter", "name=("], 'parse --filter "name=(": not a regular expression'],
    [["--filter", "before=nobody"], 'parse --filter "before=nobody": no such container'],
    [["--filter", "until=later"], "not a point in time"],
    [["--sort", "colour"], "use one of: command, created, id, image, names"],
    [["-q", "--size"], "--quiet and --size exclude each other"],
    [["-q", "--ns"], "--quiet and --namespace exclude each other"],
    [["-s", "--namespace"], "--size and --namespace exclude each other"],
    [["-l", "-n", "2"], "--latest and --last exclude each other"],
    [["--format", "{{.Bogus}}"], "parse --format: no field .Bogus"],
  ])("%j is refused", async (argv, message) => {
    const { status, stderr } = await ps(argv);
    expect(status).toBe(125);
    expect(stderr).toContain(message);
  });

  test("on a terminal, a command's control bytes are made visible", async () => {
    const { stdout } = await run(
      ["ps"],
      { containers: { list: async () => [container({ command: ["\x1b]0;x\x07"] })] } },
      { isTerminal: true },
    );
    expect(stdout).toContain("\\x1b]0;x\\x07");
    expect(stdout).not.toContain("\x1b");
  });
});
