import { readFileSync, readlinkSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { tsmanPath } from "../integration/support.ts";
import { commandLineOf, descriptorsOf } from "../support/proc.ts";
import { startOnTerminal } from "../support/pty.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { fileAppears, until } from "../support/wait.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// S34: CVE-2017-5226 (a sandboxed program types into the terminal of the shell that started it).
const stage = useStage();
const unconfined = ["--cap-add=ALL", "--security-opt=seccomp=unconfined"];
const EPERM = "1";
let image: string;

beforeAll(() => {
  const probe = compileProbe("tiocsti");
  image = stage().image({ layers: [new TarBuilder().file("bin/tiocsti", probe, { mode: 0o755 })] });
});

/** A shell on a terminal that runs tsman, then tells what has been typed at it meanwhile. */
async function attack(...options: readonly string[]) {
  const script = [
    `"$tsman" run --rm --quiet --network=none "$@"`,
    "if read -t 1 line; then echo shell got $line; else echo shell got nothing; fi",
  ].join("\n");
  const args = ["-c", script, "sh", ...options, image, "tiocsti", "evil"];
  const terminal = startOnTerminal("/bin/bash", args, {
    env: stage().store.environment({ tsman: tsmanPath }),
    cwd: stage().store.scratch,
  });
  const text = await terminal.screen.until(/shell got .*\r\n/);
  await terminal.exited;
  return text.replaceAll("\r", "").split("\n");
}

describe("the terminal of the shell that starts tsman", () => {
  it.each([[], ["--interactive"], ["--tty"], ["--interactive", "--tty"]])(
    "gets no characters from a program that the default filter holds (%s %s)",
    async (...options: readonly string[]) => {
      const lines = await attack(...options);
      expect(lines).toContain("typed");
      expect(lines).toContain("shell got nothing");
      if (options.includes("--tty")) expect(lines).toContain(`0 ${EPERM}`);
    },
  );

  it.each([
    [],
    ["--interactive"],
    ["--tty"],
    ["--interactive", "--tty"],
    ["--interactive", "--init"],
  ])(
    "gets none either from one that may do everything: it has another terminal (%s %s)",
    async (...options: readonly string[]) => {
      const lines = await attack(...options, ...unconfined);
      expect(lines).toContain("typed");
      expect(lines).toContain("shell got nothing");
    },
  );

  it("gets none from a privileged one, which has reached its own terminal", async () => {
    const lines = await attack("--privileged", "--interactive", "--tty");
    expect(lines).toContain("shell got nothing");
    // Else the attack was none. Kernels may refuse it everywhere: dev.tty.legacy_tiocsti.
    if (isTiocstiAllowed()) expect(lines).toContain("0 0");
  });

  it("is not among the descriptors of a container without --tty", async () => {
    const pidFile = stage().pidFile();
    const options = ["--rm", "--interactive", "--network=none", "--pidfile", pidFile];
    const terminal = stage().store.terminal(["run", ...options, "busybox", "sleep", "100"]);
    await fileAppears(pidFile);
    const pid = Number(readFileSync(pidFile, "utf8"));
    // The file was written before the program was executed.
    await until("the program", () => (commandLineOf(pid)[0] === "sleep" ? true : undefined));
    const targets = [...descriptorsOf(pid).values()];
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    process.kill(pid, "SIGKILL");
    await terminal.exited;
    expect(targets.filter((target) => /tty|pts|ptmx/.test(target))).toEqual([]);
    // No controlling terminal: proc_pid_stat(5), field 7.
    expect(stat[4]).toBe("0");
  });

  it("is another than the container's, in a devpts of its own", async () => {
    const pidFile = stage().pidFile();
    const options = ["--rm", "--tty", "--network=none", "--pidfile", pidFile];
    const terminal = stage().store.terminal([
      "run",
      ...options,
      "busybox",
      "sh",
      "-c",
      "echo up; exec sleep 100",
    ]);
    await terminal.screen.until("up");
    const pid = Number(readFileSync(pidFile, "utf8"));
    const fields = (id: number | "self") =>
      readFileSync(`/proc/${id}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ");
    const [, , , session, controlling] = fields(pid);
    const outer = fields(terminal.child.pid ?? 0);
    const device = readFileSync(`/proc/${pid}/mountinfo`, "utf8").match(/ \/dev\/pts (.*)/)?.[1];
    const target = readlinkSync(`/proc/${pid}/fd/0`);
    process.kill(pid, "SIGKILL");
    await terminal.exited;
    expect(target).toBe("/dev/pts/0");
    expect(device).toContain("devpts");
    expect(session).not.toBe(outer[3]);
    expect(controlling).not.toBe("0");
  });
});

function isTiocstiAllowed(): boolean {
  try {
    return readFileSync("/proc/sys/dev/tty/legacy_tiocsti", "utf8").trim() === "1";
  } catch {
    // Before Linux 6.2 nothing refuses it.
    return true;
  }
}
