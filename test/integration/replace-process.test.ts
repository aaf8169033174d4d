import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { projectRoot } from "./support.ts";

// native/replace-process.c: execve(2), and a process that takes Node's memory apart meanwhile.

const addon = join(projectRoot, "dist/libexec/process.node");

/** Runs `code` in Node, where `replace(program, arguments, environment)` is the addon's function. */
async function replacing(code: string, token: string) {
  const script = `const loaded = { exports: {} };
    process.dlopen(loaded, ${JSON.stringify(addon)});
    const replace = loaded.exports.replaceProcess;
    ${code}`;
  const child = spawn(join(projectRoot, "bin/node"), ["-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH, TOKEN: token },
  });
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  return { pid: child.pid, output, status: child.exitCode };
}

/** Processes that have the memory of one that was started with this in its environment. */
function heirs(token: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "latin1").includes(token);
    } catch {
      // Somebody else's, or gone.
      return false;
    }
  });
}

async function untilGone(token: string): Promise<void> {
  while (heirs(token).length > 0) await setTimeout(10);
}

const shell = (script: string): string =>
  `replace("/bin/sh", ["sh", "-c", ${JSON.stringify(script)}], ["PATH=/usr/bin:/bin"])`;

describe("the addon", () => {
  it("asks its C library for nothing that only glibc has", () => {
    // musl has one size of off_t, and so no fcntl64(3): the first call of it would be the last.
    const names = readFileSync(addon, "latin1").split("\0");
    expect(names).toContain("execve");
    expect(names.filter((name) => /^\w+64$/.test(name))).toEqual([]);
  });
});

describe("the program that takes Node's place", () => {
  it("is the same process, without descriptors or blocked signals, and with that one child", async () => {
    const token = randomUUID();
    const script = `echo $$; cat /proc/self/status | grep SigBlk
      exec 9</proc/$$/task/$$/children; read children <&9; exec 9<&-; echo "children: $children"
      for fd in /proc/$$/fd/*; do echo "\${fd##*/}"; done`;
    const list = `require("fs").writeSync(1, require("fs").readdirSync("/proc/self/fd") + "\\n");`;
    const { pid, output, status } = await replacing(`${list}${shell(script)}`, token);
    const [before = "", own, blocked, children, ...descriptors] = output.trim().split("\n");
    expect(own).toBe(String(pid));
    expect(blocked).toMatch(/^SigBlk:\s0{16}$/);
    expect(children).toMatch(/^children: (\d+)?$/);
    // What the caller has not closed is the program's as well, and the pattern's own directory.
    expect(before.split(",")).toEqual(expect.arrayContaining(descriptors));
    expect(status).toBe(0);
    await untilGone(token);
  });

  it("has its streams to itself while the memory is taken apart", async () => {
    // Its output is at its end as soon as the program has ended, many times over.
    for (let round = 0; round < 20; round += 1) {
      const token = randomUUID();
      const { output, status } = await replacing(shell("echo out; exit 3"), token);
      expect([output, status]).toEqual(["out\n", 3]);
      await untilGone(token);
    }
  });

  it("does not come when there is none, and then nothing is left of the attempt", async () => {
    const token = randomUUID();
    const { output, status } = await replacing(
      `console.log(replace("/nonexistent", ["x"], []), replace("/etc/passwd", ["x"], []));`,
      token,
    );
    expect([output, status]).toEqual(["2 13\n", 0]);
    await untilGone(token);
  });
});
