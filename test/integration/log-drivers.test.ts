import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tsmanPath, useStore } from "./support.ts";
import { runWrapped } from "./wrapped.ts";

const store = useStore();
const run = "run --network none".split(" ");

describe("--log-driver json-file", () => {
  it("writes Docker's lines, which logs reads as it reads any other", async () => {
    await store().succeed([
      ...run,
      ..."--name json --log-driver json-file --log-opt tag={{.Name}}-x busybox sh -c".split(" "),
      `printf 'a "quoted" line\\nund \\303\\244\\n'; echo err >&2; printf part`,
    ]);
    const { stdout, stderr } = await store().succeed(["logs", "json"]);
    expect(stdout).toBe('a "quoted" line\nund ä\npart');
    expect(stderr).toBe("err\n");
    const path = (await store().succeed("inspect --format {{.LogPath}} json".split(" "))).stdout;
    const lines = readFileSync(path.trim(), "utf8").trimEnd().split("\n");
    const first = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
    expect(first).toEqual({
      log: 'a "quoted" line\n',
      stream: "stdout",
      attrs: { tag: "json-x" },
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
    });
    await store().succeed(["rm", "json"]);
  });
});

describe("--log-opt", () => {
  it("path= puts the log where one wants it", async () => {
    mkdirSync(join(store().scratch, "logs"));
    const path = join(store().scratch, "logs", "my.log");
    await store().succeed([
      ...run,
      ..."--name elsewhere --log-opt".split(" "),
      `path=${path}`,
      ..."busybox echo there".split(" "),
    ]);
    expect(readFileSync(path, "utf8")).toMatch(/ stdout F there\n$/);
    expect((await store().succeed(["logs", "elsewhere"])).stdout).toBe("there\n");
    await store().succeed(["rm", "elsewhere"]);
  });

  it("path= in a directory that does not exist is refused with the path", async () => {
    const { status, stderr } = await store().run([
      ...run,
      ..."--rm --log-opt path=/no/such/dir/x busybox true".split(" "),
    ]);
    expect(status).toBe(125);
    expect(stderr).toContain("/no/such/dir/x");
  });

  it("max-file= says how many files there are at most", async () => {
    const path = join(store().scratch, "few.log");
    await store().succeed([
      ...run,
      ..."--rm --log-opt max-size=10k --log-opt max-file=2 --log-opt".split(" "),
      `path=${path}`,
      ..."busybox sh -c".split(" "),
      "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done",
    ]);
    expect(statSync(path).size).toBeLessThanOrEqual(10_240);
    expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(10_240);
    expect(() => statSync(`${path}.2`)).toThrow("ENOENT");
    expect(readFileSync(path, "utf8")).toMatch(/ line 1999\n$/);
  });
});

describe("--log-driver passthrough", () => {
  it("gives the program the caller's own descriptors", async () => {
    const file = join(store().scratch, "passed");
    const out = openSync(file, "w");
    const child = spawn(
      tsmanPath,
      [
        ...run,
        ..."--rm --log-driver passthrough busybox sh -c".split(" "),
        "echo said; readlink /proc/self/fd/0",
      ],
      { env: store().environment(), stdio: ["ignore", out, "inherit"] },
    );
    const [status] = (await once(child, "close")) as [number];
    closeSync(out);
    expect(status).toBe(0);
    expect(readFileSync(file, "utf8")).toBe("said\n/dev/null\n");
  });

  it("passes input on with -i, and errors, through pipes", async () => {
    const { stdout, stderr, status } = await store().run(
      [
        ...run,
        ..."--rm -i --log-driver passthrough busybox sh -c".split(" "),
        "cat; echo e >&2; exit 3",
      ],
      { input: "in\n" },
    );
    expect(stdout).toBe("in\n");
    expect(stderr).toContain("e\n");
    expect(status).toBe(3);
  });

  it("keeps no log, and logs says so", async () => {
    await store().succeed([
      ...run,
      ..."--name passed --log-driver passthrough busybox true".split(" "),
    ]);
    const { status, stderr } = await store().run(["logs", "passed"]);
    expect(status).toBe(125);
    expect(stderr).toContain("its log driver is passthrough");
    await store().succeed(["rm", "passed"]);
  });

  it("refuses a terminal, whose input the program could push back", async () => {
    const terminal = store().terminal([
      ...run,
      ..."--rm --log-driver passthrough busybox true".split(" "),
    ]);
    expect((await terminal.exited).status).toBe(125);
    expect(terminal.screen.text).toContain("it is a terminal");
  });

  it("refuses a directory as standard input: it would be a way out", async () => {
    const directory = openSync("/", "r");
    const child = spawn(
      tsmanPath,
      [...run, ..."--rm -i --log-driver passthrough busybox ls /proc/self/fd/0/".split(" ")],
      { env: store().environment(), stdio: [directory, "ignore", "pipe"] },
    );
    let text = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    const [status] = (await once(child, "close")) as [number];
    closeSync(directory);
    expect(status).toBe(125);
    expect(text).toContain("it is a directory");
  });
});

describe("--log-driver journald", () => {
  it("is refused with the remedy where there is no journal", async (context) => {
    if (hasJournal()) return context.skip("this host has a journal");
    const { status, stderr } = await store().run([
      ...run,
      ..."--rm --log-driver journald busybox true".split(" "),
    ]);
    expect(status).toBe(125);
    expect(stderr).toContain("/run/systemd/journal/socket is not there");
    expect(stderr).toContain("--log-driver k8s-file");
  });
});

describe("logs of what journald has", () => {
  // Over the system's own directories, since programs are never looked for in the caller's PATH.
  const prepared = (commands: string) =>
    [
      "unshare",
      "--user",
      "--map-root-user",
      "--mount",
      "sh",
      "-c",
      `${commands}; exec "$0" "$@"`,
    ] as [string, ...string[]];

  it("are read with journalctl", async () => {
    const { stdout } = await store().succeed(
      "create --name noted --network none --log-driver journald busybox true".split(" "),
    );
    const fields = '"__CURSOR":"c","__REALTIME_TIMESTAMP":"1700000000000042"';
    const fake = join(store().scratch, "bin");
    mkdirSync(fake);
    writeFileSync(
      join(fake, "journalctl"),
      `#!/bin/sh\necho '{${fields},"PRIORITY":"6","MESSAGE":"to '"$5"'"}'\n` +
        `echo '{${fields},"PRIORITY":"3","MESSAGE":"oops"}'\n`,
      { mode: 0o755 },
    );
    const over = prepared(`mount --bind ${fake} /usr/local/sbin`);
    const { status, stdout: out, stderr } = await runWrapped(store(), over, ["logs", "noted"]);
    expect({ status, out, stderr }).toEqual({
      ...{ status: 0, out: `to CONTAINER_ID_FULL=${stdout.trim()}\n`, stderr: "oops\n" },
    });
    await store().succeed(["rm", "noted"]);
  });
});

function hasJournal(): boolean {
  try {
    return statSync("/run/systemd/journal/socket").isSocket();
  } catch {
    return false;
  }
}
