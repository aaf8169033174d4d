import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commandLineOf, isAlive } from "../support/proc.ts";
import { fileAppears, until } from "../support/wait.ts";
import { useStage } from "./run-stage.ts";

// S94: a pid that another process has got since.  S95: what surrounds the caller is no program of
// tsman's.  S105: Node's debugger.
const stage = useStage();

describe("a pid that belongs to another process by now", () => {
  it.each([["kill"], ["stop", "--time=0"], ["rm", "--force", "--time", "0"]])(
    "is not signalled by tsman %s",
    async (...command) => {
      const victim = spawn("sleep", ["1000"], { stdio: "ignore" });
      try {
        const args = ["run", "--detach", "--network=none", "busybox", "true"];
        const id = (await stage().store.succeed(args)).stdout.trim();
        await stage().store.succeed(["wait", id]);
        // What a monitor leaves that was killed, before a reboot or long ago.
        const directory = join(stage().store.runtimeDir, id);
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        for (const name of ["monitor", "init"]) {
          writeFileSync(join(directory, name), `${victim.pid} 1\n`, { mode: 0o600 });
        }
        await stage().store.run([...command, id]);
        expect(isAlive(victim.pid ?? 0)).toBe(true);
        expect(victim.signalCode).toBe(null);
        await stage().store.run(["rm", "--force", "--time", "0", "--ignore", id]);
      } finally {
        victim.kill("SIGKILL");
        await once(victim, "exit");
      }
    },
  );
});

describe("the directory and the environment that tsman is called in", () => {
  it("have none of their code loaded, and none of their programs run", async () => {
    const here = stage().directory();
    const evil = `require("node:fs").appendFileSync(${JSON.stringify(join(here, "marker"))}, "x")`;
    writeFileSync(join(here, "evil.cjs"), evil);
    for (const name of ["tsman.config.js", "tsman.config.cjs", ".tsmanrc.js"]) {
      writeFileSync(join(here, name), evil);
    }
    writeFileSync(join(here, ".npmrc"), `node-options=--require=${here}/evil.cjs\n`);
    writeFileSync(join(here, "package.json"), '{"oclif":{"hooks":{"init":"./evil.cjs"}}}');
    mkdirSync(join(here, "bin"));
    for (const name of ["newuidmap", "newgidmap", "slirp4netns", "getsubids", "unshare"]) {
      const script = `#!/bin/sh\necho ${name} >>${here}/marker\n`;
      writeFileSync(join(here, "bin", name), script, { mode: 0o755 });
    }
    const before = readdirSync(here);
    const { stdout } = await stage().store.succeed(["run", "--rm", "busybox", "echo", "ran"], {
      cwd: here,
      env: {
        PATH: `${here}/bin:${process.env.PATH}`,
        NODE_OPTIONS: `--require=${here}/evil.cjs`,
        NODE_PATH: here,
        ENV: join(here, "evil.cjs"),
        BASH_ENV: join(here, "evil.cjs"),
      },
    });
    expect(stdout).toBe("ran\n");
    expect(readdirSync(here)).toEqual(before);
    expect(existsSync(join(here, "marker"))).toBe(false);
  });
});

describe("Node's debugger", () => {
  it("is opened neither by NODE_OPTIONS nor by SIGUSR1", async () => {
    const pidFile = stage().pidFile();
    const options = ["--rm", "--network=none", "--sig-proxy=false", "--pidfile", pidFile];
    const tsman = stage().store.start(["run", ...options, "busybox", "sleep", "100"], {
      env: { NODE_OPTIONS: "--inspect=127.0.0.1:0" },
    });
    await fileAppears(pidFile);
    const pid = Number(readFileSync(pidFile, "utf8"));
    await until("the program", () => (commandLineOf(pid)[0] === "sleep" ? true : undefined));
    tsman.child.kill("SIGUSR1");
    // Both signals are handled in order: the end of the container comes after the first.
    process.kill(pid, "SIGKILL");
    const { status, stderr } = await tsman.ended;
    expect(status).toBe(137);
    expect(stderr).not.toContain("Debugger");
  });
});
