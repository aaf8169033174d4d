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
});

/** `tsman ps` over containers; `list` gets what was asked. */
function ps(argv: string[], all: readonly ContainerSummary[] = [container(), old]) {
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
    [["--format", '{{.Label "tier"}} {{.Ports}}'], "front 0.0.0.0:8080->80/tcp\n"],
  ])("%j", async (argv, expected) => {
    expect((await ps(argv)).stdout).toBe(expected);
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
