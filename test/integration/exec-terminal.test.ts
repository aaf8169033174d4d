import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { patience, within } from "../support/wait.ts";
import { type Background, background } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();
let target: Background;

beforeAll(async () => {
  target = await background(store(), "--name shell");
});
afterAll(async () => {
  await target[Symbol.asyncDispose]();
});

/** The shell of busybox asks behind it where the cursor is. */
const prompt = /\/ # (?:\x1b\[6n)?$/;
const shell = ["exec", "-it", "shell", "sh"];

describe("a program that is executed on a terminal", () => {
  it("has one of the container's, with our size, and is typed at until it exits", async () => {
    const terminal = store().terminal(shell, { rows: 30, columns: 90 });
    await terminal.screen.until(prompt);
    terminal.type("tty; stty size; echo $TERM; echo $((6*7))\n");
    const text = await terminal.screen.until(/42\r\n/);
    expect(text).toMatch(/\/dev\/pts\/\d+\r\n/);
    expect(text).toContain("30 90\r\n");
    expect(text).toContain("xterm\r\n");
    terminal.type("exit 5\n");
    expect((await terminal.exited).status).toBe(5);
  });

  it("hears of a new size, and gets every key", async () => {
    const terminal = store().terminal([
      "exec",
      "-it",
      "shell",
      "sh",
      "-c",
      "trap 'stty size' WINCH; echo set; while :; do sleep 0.1; done",
    ]);
    await terminal.screen.until("set");
    terminal.resize(41, 101);
    await terminal.screen.until("41 101");
    terminal.type("\x03");
    expect((await within(patience, "the session to end", terminal.exited)).status).toBe(130);
  });

  it("goes on without us after the detach keys", async () => {
    const script = "echo running; while [ ! -e /tmp/stop ]; do sleep 0.1; done; touch /tmp/over";
    const terminal = store().terminal([
      "exec",
      "-it",
      "--detach-keys",
      "ctrl-x",
      "shell",
      "sh",
      "-c",
      script,
    ]);
    await terminal.screen.until("running");
    terminal.type("\x18");
    expect((await within(patience, "tsman to leave", terminal.exited)).status).toBe(0);
    const { stdout } = await store().succeed([
      ...["exec", "shell", "sh", "-c"],
      "touch /tmp/stop; until [ -e /tmp/over ]; do sleep 0.1; done; echo over",
    ]);
    expect(stdout).toBe("over\n");
  });

  it("is told of a name that is not found, with the terminal as it was", async () => {
    const terminal = store().terminal(["exec", "-it", "shell", "nosuchprogram"]);
    expect((await terminal.exited).status).toBe(127);
    expect(terminal.screen.text).toContain("run nosuchprogram: not found in PATH of the container");
  });

  it("ends with the container", async () => {
    await using other = await background(store(), "");
    const terminal = store().terminal(["exec", "-it", other.id, "sh"]);
    await terminal.screen.until(prompt);
    await store().succeed(["rm", "--force", "--time", "0", other.id]);
    expect((await within(patience, "the session to end", terminal.exited)).status).toBe(137);
  });
});
