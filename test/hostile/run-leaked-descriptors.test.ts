import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { tsmanPath } from "../integration/support.ts";
import { commandLineOf, descriptorsOf } from "../support/proc.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { fileAppears, Transcript, until } from "../support/wait.ts";
import { useStage } from "./run-stage.ts";

// S2, CVE-2024-21626: a directory of the host that is still open when the working directory is
// entered or the program executed is a way out of the root.
const stage = useStage();
const numbers = Array.from({ length: 62 }, (_, index) => index + 3);

describe("a working directory behind a descriptor", () => {
  it.each([3, 5, 7])("is refused as WORKDIR of the image: %i", async (number) => {
    const image = stage().image({ config: { WorkingDir: `/proc/self/fd/${number}` } });
    const { status, stdout } = await stage().run(image, "pwd", "-P");
    expect(stdout).toBe("");
    expect(status).toBe(126);
  });

  it("is refused through symbolic links of the image", async () => {
    const layer = new TarBuilder();
    for (const number of numbers) {
      layer.symlink(`fd-${number}`, `/proc/self/fd/${number}`);
      layer.symlink(`up-${number}`, `proc/1/fd/${number}/..`);
      layer.symlink(`task-${number}`, `proc/self/task/1/fd/${number}/../..`);
    }
    const image = stage().image({ layers: [layer] });
    for (const directory of ["/fd-4", "/up-5", "/task-6", "/proc/self/cwd", "/proc/self/root"]) {
      const { status, stdout } = await stage().run("--workdir", directory, image, "pwd", "-P");
      expect(stdout).toBe("");
      expect(status).toBe(126);
    }
  });
});

describe("a program behind a descriptor", () => {
  // init looks for the program in every entry of PATH: one container tries them all.
  const search = async (entries: readonly string[], program: string, ...options: string[]) => {
    const image = stage().image({ config: { Env: [`PATH=${entries.join(":")}`] } });
    const { status, stdout, stderr } = await stage().run(...options, image, program, "id");
    expect(stdout).toBe("");
    expect(stderr).toContain("not found");
    expect(status).toBe(127);
  };

  it("is none of the image's, before its layers are mounted", async () => {
    await search(
      numbers.map((number) => `/proc/self/fd/${number}/bin`),
      "busybox",
    );
  });

  it("is none of the host's, above the directories of the store", async () => {
    const ups = [1, 2, 3, 4, 5, 6].map((count) => "../".repeat(count));
    await search(
      numbers
        .slice(0, 20)
        .flatMap((number) => ups.map((up) => `/proc/self/fd/${number}/${up}victim`)),
      "program",
    );
  });

  it("is none of the host's, beside a directory that the container was given", async () => {
    await search(
      numbers.map((number) => `/proc/self/fd/${number}/../victim`),
      "program",
      "--volume",
      `${stage().directory()}:/given`,
    );
  });

  it("is not an interpreter either", async () => {
    const layer = new TarBuilder();
    const found = [3, 4, 5, 6];
    for (const number of found) {
      const text = `#!/proc/self/fd/${number}/bin/busybox sh\necho escaped\n`;
      layer.file(`bin/script-${number}`, text, { mode: 0o755 });
    }
    const image = stage().image({ layers: [layer] });
    for (const number of found) {
      const { status, stdout } = await stage().run(image, `script-${number}`);
      expect(stdout).toBe("");
      expect(status).toBe(127);
    }
  });
});

describe("a running program", () => {
  it("has the descriptors 0, 1 and 2 only, below --init and on a terminal as well", async () => {
    for (const options of [[], ["--init"], ["--tty"]]) {
      const script = "exec ls /proc/self/fd";
      const { stdout } = await stage().run(...options, "busybox", "sh", "-c", script);
      // The fourth is the directory that ls reads.
      expect(stdout.trim().split(/\s+/)).toEqual(["0", "1", "2", "3"]);
    }
  });

  it("inherits none that tsman's caller left open", async () => {
    const victim = openSync(stage().victim("file"), "r+");
    const directory = openSync(stage().victim(), "r");
    const pidFile = stage().pidFile();
    const args = ["run", "--rm", "--network=none", "--pidfile", pidFile, "busybox", "sleep", "100"];
    const child = spawn(tsmanPath, args, {
      env: stage().store.environment(),
      stdio: ["ignore", "pipe", "pipe", victim, directory, "pipe"],
    });
    closeSync(victim);
    closeSync(directory);
    const ended = new Transcript(child.stdout as Readable).end();
    await fileAppears(pidFile);
    const pid = Number(readFileSync(pidFile, "utf8"));
    // It was written before the program was executed.
    await until("the program", () => (commandLineOf(pid)[0] === "sleep" ? true : undefined));
    const open = [...descriptorsOf(pid).entries()];
    process.kill(pid, "SIGKILL");
    await ended;
    expect(open.map(([number]) => number)).toEqual([0, 1, 2]);
    expect(open.map(([, target]) => target.replace(/\d+/, "N"))).toEqual([
      "/dev/null",
      "pipe:[N]",
      "pipe:[N]",
    ]);
  });
});
