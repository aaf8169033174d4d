import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { TerminalSession } from "../support/pty.ts";
import { patience, within } from "../support/wait.ts";
import { useStore } from "./support.ts";

const store = useStore();
const shell = "run --rm -it --network none busybox sh".split(" ");
/** The shell of busybox asks behind it where the cursor is. */
const prompt = /\/ # (?:\x1b\[6n)?$/;

/** Looks at the settings of a terminal, which stays there after the session on it for that. */
class Settings implements Disposable {
  readonly #descriptor: number;
  /** As they were before tsman could do anything. */
  readonly before: string;

  constructor(terminal: TerminalSession) {
    this.#descriptor = openSync(terminal.path, constants.O_RDWR | constants.O_NOCTTY);
    this.before = this.now();
  }

  /** As stty(1) writes them for itself. */
  now(): string {
    const { stdout, status, stderr } = spawnSync("stty", ["-g"], {
      stdio: [this.#descriptor, "pipe", "pipe"],
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`stty: ${stderr}`);
    return stdout.trim();
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

describe("a container on a terminal", () => {
  it("runs a shell that one can type at, until it exits with its status", async () => {
    const terminal = store().terminal(shell);
    await terminal.screen.until(prompt);
    terminal.type("tty; stty -a | head -n 1; echo $((6*7))\n");
    const text = await terminal.screen.until(/42\r\n/);
    expect(text).toContain("/dev/pts/0");
    expect(text).toContain("rows 24; columns 80");
    terminal.type("exit 5\n");
    expect((await terminal.exited).status).toBe(5);
  });

  it("gets every key: Ctrl-C and Ctrl-Z are the program's, Ctrl-D ends input", async () => {
    const terminal = store().terminal(shell);
    await terminal.screen.until(prompt);
    terminal.type("echo g''o; cat\n");
    await terminal.screen.until(/go\r\n$/);
    terminal.type("echoed\n");
    await terminal.screen.until(/echoed\r\nechoed\r\n/);
    terminal.type("\x03");
    await terminal.screen.until(/\^C\r\n\/ # (?:\x1b\[6n)?$/);
    // What a job says, it says in the foreground.
    terminal.type("sh -c 'echo s\"\"leeps; exec sleep 1000'\n");
    await terminal.screen.until(/sleeps\r\n$/);
    terminal.type("\x1a");
    await terminal.screen.until(/\^Z[^#]*Stopped[^#]*\/ # (?:\x1b\[6n)?$/);
    // Waited for in the foreground: a shell with a job that it takes for stopped does not exit.
    terminal.type("kill -9 %1; fg; echo rea''dy; read x; exit 3\n");
    await terminal.screen.until(/ready\r\n$/);
    // The end of input at a line's beginning.
    terminal.type("\x04");
    expect((await terminal.exited).status).toBe(3);
  });

  it("learns the window's size at once and at every change", async () => {
    const terminal = store().terminal(shell, { rows: 40, columns: 123 });
    await terminal.screen.until(prompt);
    terminal.type("stty size\n");
    await terminal.screen.until(/40 123\r\n/);
    terminal.resize(30, 99);
    terminal.type("while [ \"$(stty size)\" != '30 99' ]; do :; done; echo resized\n");
    await terminal.screen.until(/resized\r\n/);
    terminal.type("exit\n");
    expect((await terminal.exited).status).toBe(0);
  });

  it("leaves the terminal as it was found", async () => {
    const terminal = store().terminal(shell);
    using settings = new Settings(terminal);
    await terminal.screen.until(prompt);
    expect(settings.now()).not.toBe(settings.before);
    terminal.type("exit 1\n");
    await terminal.exited;
    expect(settings.now()).toBe(settings.before);
  });

  it("leaves the terminal as it was found when the program is not there", async () => {
    const terminal = store().terminal("run --rm -it --network none busybox no-such".split(" "));
    using settings = new Settings(terminal);
    expect((await terminal.exited).status).toBe(127);
    expect(settings.now()).toBe(settings.before);
    expect(terminal.screen.text).toContain("not found in PATH");
  });

  it("is left by the detach keys, and goes on", async () => {
    const terminal = store().terminal("run --name left -it --network none busybox sh".split(" "));
    using settings = new Settings(terminal);
    await terminal.screen.until(prompt);
    terminal.type("\x10\x11");
    expect((await within(patience, "tsman to leave", terminal.exited)).status).toBe(0);
    expect(settings.now()).toBe(settings.before);
    const { stdout } = await store().succeed(["ps", "--filter=name=left", "--format={{.Names}}"]);
    expect(stdout).toBe("left\n");
    await store().succeed("rm --force --time 0 left".split(" "));
  });

  it("has the detach keys of --detach-keys", async () => {
    const terminal = store().terminal(
      "run --name keys -it --network none --detach-keys ctrl-a,d busybox sh".split(" "),
    );
    await terminal.screen.until(prompt);
    terminal.type("\x10\x11\x01d");
    expect((await within(patience, "tsman to leave", terminal.exited)).status).toBe(0);
    await store().succeed("rm --force --time 0 keys".split(" "));
  });

  it("goes on without tsman when the terminal hangs up", async () => {
    const terminal = store().terminal("run --name hung -it --network none busybox sh".split(" "));
    await terminal.screen.until(prompt);
    terminal.hangUp();
    expect((await within(patience, "tsman to end", terminal.exited)).status).toBe(129);
    const { stdout } = await store().succeed(["ps", "--filter=name=hung", "--format={{.Names}}"]);
    expect(stdout).toBe("hung\n");
    await store().succeed("rm --force --time 0 hung".split(" "));
  });

  it("shows the output of -t without -i, and Ctrl-C is tsman's", async () => {
    const terminal = store().terminal([
      ..."run --rm -t --init --network none busybox sh -c".split(" "),
      "echo ready; sleep 1000",
    ]);
    await terminal.screen.until("ready");
    terminal.type("\x03");
    const { status } = await within(patience, "tsman to end", terminal.exited);
    expect(status).toBe(130);
  });

  it("is put in order again when tsman is stopped before the program starts", async () => {
    const terminal = store().terminal("run --rm -it --pull always 192.0.2.200:1/x".split(" "));
    using settings = new Settings(terminal);
    await terminal.screen.until("Pulling").catch(() => undefined);
    terminal.type("\x03");
    expect((await within(patience, "tsman to end", terminal.exited)).status).toBe(130);
    expect(settings.now()).toBe(settings.before);
  });
});

describe("-t without a terminal", () => {
  it("gives the program one all the same", async () => {
    const { stdout } = await store().succeed([
      ..."run --rm -t --network none busybox sh -c".split(" "),
      "tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all",
    ]);
    expect(stdout).toBe("/dev/pts/0\r\nall\r\n");
  });

  it("takes input with -i, with a warning", async () => {
    const { stdout, stderr } = await store().succeed(
      "run --rm -it --network none busybox head -n 1".split(" "),
      { input: "typed\n" },
    );
    expect(stdout).toContain("typed\r\n");
    expect(stderr).toContain("standard input is no terminal");
  });
});

describe("job control of the shell", () => {
  it("stops and continues tsman, and the container meanwhile goes on", async () => {
    const tsman = store().start([
      ..."run --rm --network none busybox sh -c".split(" "),
      "echo ready; read x; echo after",
    ]);
    await tsman.stdout.until("ready").catch(() => undefined);
    process.kill(tsman.pid, "SIGTSTP");
    process.kill(tsman.pid, "SIGCONT");
    expect((await tsman.ended).stdout).toBe("ready\nafter\n");
  });
});
