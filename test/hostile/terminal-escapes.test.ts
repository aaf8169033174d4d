import { beforeAll, describe, expect, it } from "vitest";
import type { TestStore } from "../integration/support.ts";
import { useStage } from "./run-stage.ts";

// S35: what an image or a container is called, says of itself or runs, painted over a terminal.
const stage = useStage();

/** Sets the title, clears the screen, types an answer back, turns the text around. */
const evil = "\x1b]0;evil\x07\x1b[2J\x1b[6n\x9b31m\r\x08\u202egpj\u2066";
/** What of it must not arrive; a carriage return is the terminal's own line end. */
const dangerous =
  /\x1b\]0;evil|\x07|\x1b\[2J|\x1b\[6n|[\x80-\x9f]|\x08|[\u202a-\u202e\u2066-\u2069]/;

async function screenOf(store: TestStore, ...args: readonly string[]) {
  const terminal = store.terminal(args, { columns: 400 });
  const { status } = await terminal.exited;
  const text = (await terminal.screen.end()).toString("utf8");
  return { status, text };
}

describe("control characters of an image", () => {
  let image = "";

  beforeAll(async () => {
    image = stage().image({
      config: {
        Cmd: ["sh", "-c", `: '${evil}'`],
        Env: ["PATH=/bin", `EVIL=${evil}`],
        Labels: { [`label${evil}`]: evil },
      },
    });
    const named = ["run", "--name=evil", "--network=none", "--label", `mine=${evil}`];
    await stage().store.succeed([...named, image]);
  });

  it.each([
    ["images"],
    ["images", "--no-trunc"],
    ["images", "--format", "{{json .}}"],
    ["inspect", "IMAGE"],
    ["inspect", "--format", "{{.Config.Labels}} {{.Config.Env}}", "IMAGE"],
    ["inspect", "--format", "{{range .Config.Env}}{{.}}{{end}}", "IMAGE"],
    ["ps", "--all"],
    ["ps", "--all", "--no-trunc"],
    ["ps", "--all", "--format", "{{.Command}} {{.Labels}}"],
    ["ps", "--all", "--format", "{{json .}}"],
    ["ps", "--all", "--format", "json"],
    ["inspect", "evil"],
    ["inspect", "--format", "{{.Config.Cmd}}{{.Config.Labels}}", "evil"],
    ["run", "--explain", "IMAGE"],
  ])("are shown, not obeyed, on a terminal: %s %s %s", async (...args) => {
    const { text } = await screenOf(
      stage().store,
      ...args.map((arg) => (arg === "IMAGE" ? image : arg)),
    );
    // `images` has no column that the image fills; all others do show it.
    if (args[0] === "images") expect(text).toContain("hostile/");
    else expect(text).toMatch(/\\x1b|\\u001b/);
    expect(text).not.toMatch(dangerous);
  });

  it.each([
    ["a program", { Cmd: [`/bin/${evil}`] }],
    ["a working directory", { WorkingDir: `relative${evil}`, Cmd: ["true"] }],
    ["a user", { User: `nobody${evil}`, Cmd: ["true"] }],
    ["a volume", { Volumes: { [`..${evil}`]: {} }, Cmd: ["true"] }],
    ["a port", { ExposedPorts: { [`80${evil}`]: {} }, Cmd: ["true"] }],
    ["a variable", { Env: [evil], Cmd: ["true"] }],
    ["a signal", { StopSignal: `SIG${evil}`, Cmd: ["true"] }],
  ])("are shown, not obeyed, in the message about %s", async (_what, hostile) => {
    const image = stage().image({ config: hostile });
    const { text } = await screenOf(stage().store, "run", "--rm", "--network=none", image);
    expect(text).not.toMatch(dangerous);
  });
});

describe("control characters that are typed as an argument", () => {
  it.each([
    ["run", evil],
    ["run", "--name", evil, "busybox"],
    ["inspect", evil],
    ["logs", evil],
    [evil],
    ["ps", `--${evil}`],
    ["ps", "--filter", `${evil}=x`],
    ["ps", "--format", `{{.${evil}}}`],
    ["run", "--volume", `/nowhere${evil}:/x`, "busybox", "true"],
  ])("are shown, not obeyed, in the error: %j", async (...args) => {
    const { text, status } = await screenOf(stage().store, ...args);
    expect(status).not.toBe(0);
    expect(text).not.toMatch(dangerous);
  });
});

describe("a pipe", () => {
  it("gets what the image says as it is, for programs", async () => {
    const image = stage().image({ config: { Labels: { evil }, Cmd: ["true"] } });
    await stage().run(image);
    const { stdout } = await stage().store.succeed(["inspect", image]);
    expect(JSON.parse(stdout)[0].Config.Labels.evil).toBe(evil);
  });
});
