import { execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tsmanPath } from "../integration/support.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { patience, Transcript, within } from "../support/wait.ts";
import { type BackgroundContainer, useStage } from "./run-stage.ts";

// S2, CVE-2024-21626: a directory of the host that is still open when the working directory is
// entered or the program executed is a way out of the root.
const stage = useStage();
const numbers = Array.from({ length: 62 }, (_, index) => index + 3);
let target: BackgroundContainer;

beforeAll(async () => {
  const layer = new TarBuilder();
  for (const number of numbers) {
    layer.symlink(`fd-${number}`, `/proc/self/fd/${number}`);
    layer.symlink(`up-${number}`, `proc/self/fd/${number}/..`);
  }
  layer.symlink("root-of-init", "/proc/1/root");
  for (const number of numbers.slice(0, 6)) {
    const text = `#!/proc/self/fd/${number}/bin/busybox sh\necho escaped\n`;
    layer.file(`script-${number}`, text, { mode: 0o755 });
  }
  const paths = numbers.flatMap((number) => [
    `/proc/self/fd/${number}/bin`,
    `/proc/self/fd/${number}/../victim`,
    `/proc/self/fd/${number}/../../victim`,
  ]);
  const image = stage().image({ layers: [layer], config: { Env: [`PATH=${paths.join(":")}`] } });
  target = await stage().background("--entrypoint=/bin/sleep", image, "1000");
});
afterAll(async () => {
  await target?.[Symbol.asyncDispose]();
});

const exec = async (...args: readonly string[]) => await stage().store.run(["exec", ...args]);

describe("a working directory behind a descriptor", () => {
  it.each([
    ...[3, 4, 5, 6, 7, 8, 9, 10, 12, 20].map((number) => `/proc/self/fd/${number}`),
    "/proc/self/cwd",
    "/proc/self/root",
    "/proc/1/root",
    "/proc/1/cwd",
    "/root-of-init",
    "/fd-4",
    "/fd-5",
    "/up-6",
    "/up-7",
  ])("is refused: %s", async (directory) => {
    for (const user of [[], ["--user=7"]]) {
      const script = ["/bin/sh", "-c", "pwd -P; ls"];
      const { status, stdout } = await exec(...user, "--workdir", directory, target.id, ...script);
      expect(stdout).toBe("");
      expect([127, 255]).toContain(status);
    }
  });
});

describe("a program behind a descriptor", () => {
  it("is none of the host's or the image's, in PATH of the container", async () => {
    for (const program of ["busybox", "program", "sh"]) {
      const { status, stdout } = await exec(target.id, program);
      expect(stdout).toBe("");
      expect(status).toBe(127);
    }
  });

  it("is not an interpreter either", async () => {
    for (const number of numbers.slice(0, 6)) {
      const { status, stdout } = await exec(target.id, `/script-${number}`);
      expect(stdout).toBe("");
      expect(status).toBe(127);
    }
  });
});

describe("the descriptors of what is executed", () => {
  const list = "exec /bin/ls -l /proc/self/fd";
  const listed = (text: string) =>
    Array.from(text.matchAll(/^l.* (\d+)(?: ->.*)?$/gm), ([, fd]) => Number(fd));

  it("are the three streams, whatever the caller has open", async () => {
    const secret = join(stage().store.scratch, "secret");
    writeFileSync(secret, "secret\n");
    const script = 'exec 3<"$0" 4<. 5>>"$0" 9<"$0"; exec "$1" exec "$2" /bin/sh -c "$3"';
    const { stdout } = await promisify(execFile)(
      "bash",
      ["-c", script, secret, tsmanPath, target.id, list],
      { env: stage().store.environment() },
    );
    expect(stdout).not.toContain(stage().store.scratch);
    // The fourth is what ls reads.
    expect(listed(stdout)).toEqual([0, 1, 2, 3]);
  });

  it("are those of --preserve-fds with nothing of tsman's between or behind them", async () => {
    const secret = join(stage().store.scratch, "given");
    writeFileSync(secret, "given\n");
    const script = 'exec 3<"$0" 6<"$0"; exec "$1" exec --preserve-fds 1 "$2" /bin/sh -c "$3"';
    const { stdout } = await promisify(execFile)(
      "bash",
      ["-c", script, secret, tsmanPath, target.id, list],
      { env: stage().store.environment() },
    );
    expect(stdout).not.toMatch(/store\.db|anon_inode|socket:/);
    expect(listed(stdout)).toEqual([0, 1, 2, 3, 4]);
  });

  it("cannot be asked for by a caller that lies to tsman about them", async () => {
    const child = spawn(
      tsmanPath,
      ["exec", "--preserve-fds=30", target.id, "/bin/sh", "-c", list],
      {
        env: stage().store.environment({ TSMAN_DESCRIPTORS: numbers.join(" ") }),
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const output = new Transcript(child.stdout);
    await within(patience, "tsman to end", new Promise((resolve) => child.once("close", resolve)));
    expect(output.text).toBe("");
  });
});
