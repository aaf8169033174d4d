import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { isAlive } from "../support/proc.ts";
import { byNode, OciBundles, ociPath, ownNode } from "./oci-bundles.ts";
import { useStore } from "./support.ts";

// What runs tsman-oci: Bun where the build found that it runs, else Node.  All the other tests of
// tsman-oci have the first that there is; these have both.

const store = useStore();
let oci: OciBundles;

beforeAll(() => {
  oci = new OciBundles(store());
});

/** `tsman-oci ARGS`, with the files that it opens. */
function traced(args: readonly string[], cwd: string, env: Record<string, string> = {}) {
  const trace = ["-f", "-qq", "-e", "trace=execve,open,openat", ociPath, ...args];
  const { status, stderr } = spawnSync("strace", trace, {
    cwd,
    env: { ...store().environment(), ...env },
    encoding: "utf8",
  });
  return { status, stderr };
}

describe("tsman-oci", () => {
  it("is a program with Bun in it that reads nothing of where it is started, and takes nothing of Bun's", () => {
    const cwd = oci.file("somewhere");
    mkdirSync(cwd);
    const ran = oci.file("ran");
    writeFileSync(join(cwd, "evil.js"), `require("fs").writeFileSync(${JSON.stringify(ran)}, "")`);
    writeFileSync(join(cwd, "bunfig.toml"), 'preload = ["./evil.js"]\n');
    writeFileSync(join(cwd, ".env"), "HOME=/nowhere\n");
    writeFileSync(join(cwd, "package.json"), '{"imports": {"*": "./evil.js"}}');
    writeFileSync(join(cwd, "tsconfig.json"), "{");
    const preload = join(cwd, "evil.js");
    const { status, stderr } = traced(["features"], cwd, {
      BUN_OPTIONS: `--preload=${preload}`,
      BUN_INSPECT: "1",
      BUN_INSPECT_PRELOAD: preload,
      BUN_JSC_functionOverrides: preload,
      NODE_OPTIONS: `--require=${preload}`,
    });
    expect(status).toBe(0);
    expect(stderr).toMatch(/execve\("[^"]*\/dist\/libexec\/tsman-oci"/);
    expect(stderr).not.toMatch(/execve\("[^"]*\/bin\/node"/);
    expect(stderr).not.toMatch(/evil|bunfig|\.env"|package\.json"|tsconfig|somewhere/);
    expect(existsSync(ran)).toBe(false);
  });

  it("is run by Node in a directory that was removed, where Bun does not start", () => {
    const gone = oci.file("gone");
    mkdirSync(gone);
    const script = `cd "$1" && rmdir "$1" && shift && exec "$@"`;
    const run = (...args: string[]) =>
      spawnSync("sh", ["-c", script, "sh", gone, ociPath, ...args], {
        env: store().environment(),
        encoding: "utf8",
      });
    expect(run("--root", oci.root, "list")).toMatchObject({ status: 0 });
    mkdirSync(gone);
    const relative = run("--root", "relative", "list");
    expect(relative.status).toBe(1);
    expect(relative.stderr).toContain(
      "error: resolve a relative path: the current directory was removed (write absolute paths",
    );
  });

  it("says nothing of Bun's settings to what it starts", async () => {
    const hook = oci.file("hook");
    const output = oci.file("hook-environment");
    writeFileSync(hook, `#!/bin/sh\nenv >${output}\n`, { mode: 0o755 });
    const seen = await oci.output("settings", "env");
    expect(seen).not.toMatch(/BUN|MIMALLOC/);
    const bundle = oci.bundle("settings", "true", (config) => {
      config.hooks = { createRuntime: [{ path: hook }] };
    });
    await oci.succeed(["run", "--bundle", bundle, "settings"]);
    expect(oci.read("hook-environment")).not.toMatch(/BUN|MIMALLOC/);
  });

  it("says where a config.json has wrong syntax, and of one that ends too early that", async () => {
    const bundle = oci.bundle("not-json", "true");
    const refusal = async (text: string) => {
      writeFileSync(join(bundle, "config.json"), text);
      return (await oci.run(["run", "--bundle", bundle, "not-json"])).stderr;
    };
    expect(await refusal("")).toContain("not JSON (it ends too early)");
    expect(await refusal("{}\n x")).toContain("not JSON (at line 2, column 2)");
  });

  it("does the same by Node", { timeout: 120_000 }, async () => {
    const bundle = oci.bundle("by-node", "echo runs >/tmp/x; exec sleep 1000");
    await oci.succeed(["create", "--bundle", bundle, "by-node"], byNode);
    const { pid, status } = await oci.state("by-node");
    expect(status).toBe("created");
    await oci.succeed(["start", "by-node"], byNode);
    const { stdout } = await oci.succeed(
      [...["exec", "by-node", "sh", "-c"], "until [ -s /tmp/x ]; do sleep 0.1; done; cat /tmp/x"],
      byNode,
    );
    expect(stdout).toBe("runs\n");
    await oci.succeed(["delete", "--force", "by-node"], byNode);
    expect(isAlive(pid)).toBe(false);
    const failing = oci.bundle("by-node", "echo out; echo err >&2; exit 7");
    expect(await oci.run(["run", "--bundle", failing, "by-node"], byNode)).toMatchObject({
      status: 7,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect(readdirSync(oci.root)).toEqual([]);
    const { stderr } = traced(["features"], "/", { TSMAN_NODE: ownNode });
    expect(stderr).toMatch(/execve\("[^"]*\/bin\/node"/);
    expect(stderr).not.toMatch(/execve\("[^"]*\/dist\/libexec\/tsman-oci"/);
  });
});
