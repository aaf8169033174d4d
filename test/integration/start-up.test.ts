import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { projectRoot, useStore } from "./support.ts";

// What people wait for loads no more than it needs: each of these costs milliseconds.

const store = useStore();

const bridged = ["run", "--rm", "busybox", "true"];
const alone = ["run", "--rm", "--network", "none", "busybox", "true"];
const inside = ["exec", "up", "true"];
const list = ["ps", "--all"];

beforeAll(async () => {
  await store().succeed(["run", "--detach", "--name", "up", "busybox", "sleep", "10000"]);
  // The first start compiles a filter and unpacks the image.
  for (const command of [bridged, alone, inside, list]) await store().succeed(command);
});

describe("a command that people wait for", () => {
  it.each([[bridged], [alone], [inside], [list]])(
    "tsman %j reads the first half of the program only",
    async (command) => {
      const cache = join(store().scratch, `cache-${command.length}`);
      const env = { XDG_CACHE_HOME: cache };
      // With this cache the first compiles the filter anew.
      await store().succeed(command, { env });
      const codes = join(cache, "tsman/code");
      rmSync(codes, { recursive: true });
      await store().succeed(command, { env });
      const halves = readdirSync(codes).flatMap((build) => readdirSync(join(codes, build)));
      expect(halves).toEqual([command[0]]);
    },
  );

  it.each([[bridged], [alone], [inside], [list]])(
    "tsman %j loads no module of Node that takes long",
    async (command) => {
      const list = join(store().scratch, "modules");
      const hook = join(store().scratch, "list-modules.cjs");
      writeFileSync(
        hook,
        `process.on("exit", () => require("node:fs").writeFileSync(${JSON.stringify(list)}, process.moduleLoadList.join()));`,
      );
      const main = join(projectRoot, "dist/cli/main.cjs");
      await store().succeed(["--require", hook, main, ...command], {
        program: join(projectRoot, "bin/node"),
      });
      const loaded = readFileSync(list, "utf8").split(",");
      expect(loaded).toContain("NativeModule sqlite");
      for (const name of [
        "child_process",
        "crypto",
        "dgram",
        "internal/abort_controller",
        "module",
        "net",
        "stream",
        "tty",
        "zlib",
      ]) {
        expect(loaded).not.toContain(`NativeModule ${name}`);
      }
      // It knows the addresses of the host, which a container with a network is told.
      expect(loaded.includes("NativeModule os")).toBe(command === bridged);
    },
  );
});

describe("a directory in /proc, which takes none", () => {
  it("is no reason not to start where the cache should be", async () => {
    const env = { XDG_CACHE_HOME: "/proc/none" };
    const run = ["run", "--rm", "--network", "none", "busybox", "echo", "ran"];
    expect((await store().succeed(run, { env })).stdout).toBe("ran\n");
  });

  it("is said to be no place for a store", async () => {
    const { status, stderr } = await store().run(["ps"], { env: { TSMAN_ROOT: "/proc/none" } });
    expect(status).toBe(125);
    expect(stderr).toContain("make store /proc/none: ");
  });
});

describe("what the C library of tsman's own Node is told", () => {
  const show = ["run", "--rm", "--network", "none", "--env", "GLIBC_TUNABLES", "busybox", "env"];

  it("is not told to a container that asks for the caller's variable", async () => {
    expect((await store().succeed(show)).stdout).not.toContain("GLIBC_TUNABLES");
  });

  it("is nothing where the caller has said something", async () => {
    const env = { GLIBC_TUNABLES: "glibc.malloc.arena_max=2" };
    const { stdout } = await store().succeed(show, { env });
    expect(stdout).toContain("\nGLIBC_TUNABLES=glibc.malloc.arena_max=2\n");
  });
});

describe("an error of a program whose names were made short", () => {
  it("is traced to the sources, in both halves of it", async () => {
    // From the first half, then through the second.
    for (const command of [
      ["run", "--pull", "never", "localhost/none"],
      ["image", "tree", "localhost/none"],
    ]) {
      const { stderr } = await store().run(["--log-level", "debug", ...command]);
      const places = stderr.split("\n").filter((line) => line.startsWith("debug: at "));
      expect(places[0]).toMatch(/^debug: at src\/engine\/images\/find-image\.ts:\d+:\d+$/);
      // V8 keeps ten of them, of which the engine may need nine.
      expect(places.join("\n")).toMatch(/debug: at src\/(commands|cli)\//);
      expect(places.join("\n")).not.toContain(".cjs");
    }
  });
});
