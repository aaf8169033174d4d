import { describe, expect, test } from "vitest";
import type { EventOptions, TsmanEvent } from "../../../src/engine/types.ts";
import { run } from "../cli/fake-context.ts";

const died: TsmanEvent = {
  time: "2026-01-01T11:00:00.120000000Z",
  type: "container",
  status: "died",
  id: "0123456789abcdef".repeat(4),
  name: "web",
  image: "docker.io/library/nginx:latest",
  exitCode: 3,
  attributes: { tier: "front\nfake line" },
};
const pulled: TsmanEvent = {
  time: "2026-01-01T10:00:00.000000000Z",
  type: "image",
  status: "pull",
  id: `sha256:${"ab".repeat(32)}`,
  name: "docker.io/library/nginx:latest",
  attributes: {},
};
const made: TsmanEvent = {
  time: "2026-01-01T10:30:00.000000001Z",
  type: "volume",
  status: "create",
  name: "data",
  attributes: {},
};

function stream(options: { skipped?: number; seen?: EventOptions[] } = {}) {
  return async function* events(given: EventOptions = {}) {
    options.seen?.push(given);
    yield* [pulled, made, died];
    if (options.skipped !== undefined) given.onSkipped?.(options.skipped);
  };
}

describe("events", () => {
  test("are a line each, whatever their labels hold", async () => {
    const { status, stdout } = await run(["events"], { events: stream() as never });
    expect(status).toBe(0);
    expect(stdout).toBe(
      `2026-01-01 10:00:00 +0000 UTC image pull ${"ab".repeat(32)} docker.io/library/nginx:latest\n` +
        "2026-01-01 10:30:00.000000001 +0000 UTC volume create data\n" +
        `2026-01-01 11:00:00.12 +0000 UTC container died ${died.id} ` +
        "(image=docker.io/library/nginx:latest, name=web, exit_code=3, tier=front\\nfake line)\n",
    );
  });

  test("have Podman's members as JSON, a document a line", async () => {
    const argv = ["events", "--format", "json", "--filter", "type=container"];
    const { stdout } = await run(argv, { events: stream() as never });
    expect(JSON.parse(stdout)).toEqual({
      ContainerExitCode: 3,
      ID: died.id,
      Image: died.image,
      Name: "web",
      Status: "died",
      Time: "2026-01-01T11:00:00.12Z",
      Type: "container",
      Attributes: died.attributes,
    });
    expect(stdout.trimEnd()).not.toContain("\n");
  });

  test("go through a template", async () => {
    const argv = [
      "events",
      "--format",
      "{{.Status}} {{.Type}} {{.Name}} {{.ContainerExitCode}}{{.Network}}{{.Details.ID}}",
    ];
    const { stdout } = await run(argv, { events: stream() as never });
    expect(stdout).toBe(
      "pull image docker.io/library/nginx:latest 0\ncreate volume data 0\ndied container web 3\n",
    );
  });

  test("have ids in twelve digits with --no-trunc=false", async () => {
    const argv = ["events", "--no-trunc=false", "--filter", "event=died"];
    expect((await run(argv, { events: stream() as never })).stdout).toContain(
      "died 0123456789ab (",
    );
  });

  test.each([
    [["container=web"], ["died"]],
    [["container=0123"], ["died"]],
    [["container=nginx"], []],
    [
      ["event=pull", "event=die"],
      ["pull", "died"],
    ],
    [["image=nginx"], ["pull", "died"]],
    [["image=nginx", "type=image"], ["pull"]],
    [["image=abab"], ["pull"]],
    [["volume=data"], ["create"]],
    [["label=tier"], ["died"]],
    [["label=tier=back"], []],
    [
      ["type=volume", "type=image"],
      ["pull", "create"],
    ],
  ])("that pass %j are %j", async (filters, expected) => {
    const argv = ["events", "--format", "{{.Status}}", ...filters.flatMap((one) => ["-f", one])];
    const { stdout } = await run(argv, { events: stream() as never });
    expect(stdout.split("\n").filter((word) => word !== "")).toEqual(expected);
  });

  test.each([
    ["--filter=nonsense=1", "no filter"],
    ["--filter=died", "not KEY=VALUE"],
    ["--since=yesterday", "not a point in time"],
    ["--format={{.Nope", "--format"],
  ])("refuse %s", async (option, why) => {
    const { status, stderr } = await run(["events", option], { events: stream() as never });
    expect(status).toBe(125);
    expect(stderr).toContain(why);
  });

  test("say how many damaged lines were left out", async () => {
    const { status, stderr } = await run(["events"], { events: stream({ skipped: 2 }) as never });
    expect(status).toBe(0);
    expect(stderr).toContain("2 damaged lines left out");
  });

  test("--no-stream waits for nothing either", async () => {
    const seen: EventOptions[] = [];
    await run(["events", "--no-stream"], { events: stream({ seen }) as never });
    await run(["events"], { events: stream({ seen }) as never });
    expect(seen.map(({ follow }) => follow)).toEqual([false, true]);
  });

  test("--since 10m is before now, --until 10m after it, --stream=false waits for nothing", async () => {
    const seen: EventOptions[] = [];
    const before = Date.now();
    const argv = ["events", "--since", "10m", "--until", "10m", "--stream=false"];
    await run(argv, { events: stream({ seen }) as never });
    const [options] = seen;
    expect(options?.follow).toBe(false);
    expect(Math.abs(Number(options?.since) - (before - 600_000))).toBeLessThan(60_000);
    expect(Math.abs(Number(options?.until) - (before + 600_000))).toBeLessThan(60_000);
  });
});
