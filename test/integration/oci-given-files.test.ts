import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { isAlive } from "../support/proc.ts";
import { Transcript } from "../support/wait.ts";
import { OciBundles } from "./oci-bundles.ts";
import { useStore } from "./support.ts";

// Files that callers of the OCI runtime name: documents, and the log.

const store = useStore();
let oci: OciBundles;

beforeAll(() => {
  oci = new OciBundles(store());
});

/** A fifo at whose other end nobody is. */
function fifo(name: string): string {
  const file = oci.file(name);
  expect(spawnSync("mkfifo", [file]).status).toBe(0);
  return file;
}

describe("a document that is a fifo", () => {
  it("is refused at once as a configuration", async () => {
    const file = fifo("config.fifo");
    const bundle = oci.bundle("fifo", "true");
    const { status, stderr } = await oci.run(["run", "--bundle", bundle, "-f", file, "fifo"]);
    expect(stderr).toContain(`read ${file}: not a regular file`);
    expect(status).not.toBe(0);
  });

  it("is refused at once by exec and by update", async () => {
    const bundle = oci.bundle("alive", "sleep 1000");
    await oci.succeed(["run", "--detach", "--bundle", bundle, "alive"]);
    try {
      const file = fifo("process.fifo");
      for (const words of [
        ["exec", "--process", file, "alive"],
        ["update", "--resources", file, "alive"],
      ]) {
        const { status, stderr } = await oci.run(words);
        expect(stderr).toContain(`read ${file}: not a regular file`);
        expect(status).not.toBe(0);
      }
    } finally {
      await oci.succeed(["delete", "--force", "alive"]);
    }
  });
});

describe("a document", () => {
  it("of more than 16 MiB is refused unread", async () => {
    const bundle = oci.bundle("large", "true");
    truncateSync(join(bundle, "config.json"), 2 ** 40);
    const { stderr } = await oci.run(["run", "--bundle", bundle, "large"]);
    expect(stderr).toContain("config.json: larger than 16777216 bytes");
  });

  it("that is missing is named by update, with what was to be done", async () => {
    const { status, stderr } = await oci.run(["update", "-r", "/absent.json", "none"]);
    expect(stderr).toContain("error: read /absent.json: no such file or directory (ENOENT)");
    expect(status).toBe(1);
  });

  it("of update may come from standard input", async () => {
    const child = oci.start(["update", "--resources", "-", "none"]);
    const stderr = new Transcript(child.stderr as NonNullable<typeof child.stderr>);
    child.stdin?.end("{}");
    await once(child, "close");
    expect(stderr.text).toContain("find container none");
  });
});

describe("a log", () => {
  it("that cannot be written is an error before anything happens", async () => {
    const bundle = oci.bundle("unlogged", "true >/ran");
    for (const log of ["/absent/log", oci.file("bundle-unlogged")]) {
      const { status, stderr } = await oci.run(["--log", log, "run", "--bundle", bundle, "one"]);
      expect(stderr).toContain(`error: open log ${log}: `);
      expect(status).toBe(1);
    }
    expect(existsSync(join(oci.rootfs, "ran"))).toBe(false);
  });

  it("that is a fifo has a reader, or is refused", async () => {
    const log = fifo("log.fifo");
    const words = ["--log", log, "--log-format", "json", "state", "none"];
    expect((await oci.run(words)).stderr).toContain(`open log ${log}: nobody reads from it`);
    // Open at both ends before anybody asks, without waiting for the other.
    const reader = spawn("sh", [
      "-c",
      'exec 3<>"$1" && echo ready && exec head -n 1 <&3',
      "sh",
      log,
    ]);
    const closed = once(reader, "close");
    const said = new Transcript(reader.stdout);
    await said.until(/ready\n/);
    expect((await oci.run(words)).stderr).toContain("container does not exist");
    await closed;
    expect(JSON.parse(said.text.replace("ready\n", ""))).toMatchObject({ level: "error" });
  });

  it("is not open in the container", async () => {
    const bundle = oci.bundle("closed", "ls -l /proc/self/fd");
    const words = ["--log", oci.file("log"), "run", "--bundle", bundle, "closed"];
    expect((await oci.succeed(words)).stdout).not.toContain(oci.file("log"));
  });
});

describe("a message", () => {
  it("shows control characters instead of sending them to a terminal", async () => {
    const log = oci.file("controls.json");
    const name = "\u001b]0;x\u0007\u202e\nb";
    const words = ["--log", log, "--log-format", "json", "state", name];
    const { stderr } = await oci.run(words);
    expect(stderr).toContain("find container \\x1b]0;x\\x07\\u202e\\nb: ");
    expect(stderr.trimEnd()).not.toContain("\n");
    const text = oci.read("controls.json");
    expect(text).not.toContain("\u202e");
    expect(JSON.parse(text).msg).toContain(name);
  });

  it.each([
    ["that may not be executed", "", 0o644, ": permission denied"],
    ["that the kernel does not know", "\u0001\u0002", 0o755, ": exec format error"],
  ])("of a program %s says so as its callers expect", async (_, content, mode, words) => {
    mkdirSync(join(oci.rootfs, "programs"), { recursive: true });
    const file = join(oci.rootfs, "programs/one");
    writeFileSync(file, content);
    chmodSync(file, mode);
    const bundle = oci.bundle("unfit", "", ({ process }) => {
      process.args = ["/programs/one"];
    });
    const { status, stderr } = await oci.run(["run", "--bundle", bundle, "unfit"]);
    expect(stderr).toContain(words);
    expect(status).toBe(126);
  });

  it("of arguments that are too many says nothing of permissions", async () => {
    const bundle = oci.bundle("long", "", ({ process }) => {
      // MAX_ARG_STRLEN of linux/binfmts.h
      process.args = ["/bin/sh", "x".repeat(131_072)];
    });
    const { status, stderr } = await oci.run(["run", "--bundle", bundle, "long"]);
    expect(stderr).toContain("argument list too long");
    expect(stderr).not.toContain("permission denied");
    expect(status).toBe(126);
  });
});

describe("a container whose record is damaged", () => {
  const spoil: readonly [string, (file: string) => void][] = [
    ["null", (file) => writeFileSync(file, "null")],
    ["a list", (file) => writeFileSync(file, "[]")],
    ["empty", (file) => writeFileSync(file, "")],
    ["missing", (file) => rmSync(file)],
    [
      "a fifo",
      (file) => {
        rmSync(file);
        expect(spawnSync("mkfifo", [file]).status).toBe(0);
      },
    ],
  ];

  it.each(spoil)("(%s) is named, hides no other, and can be removed", async (_, change) => {
    const bundle = oci.bundle("record", "sleep 1000");
    await oci.succeed(["run", "--detach", "--bundle", bundle, "whole"]);
    await oci.succeed(["run", "--detach", "--bundle", bundle, "spoilt"]);
    const { pid } = await oci.state("spoilt");
    change(join(oci.root, "spoilt/container.json"));
    const { stdout, stderr } = await oci.succeed(["list", "--quiet"]);
    expect(stdout).toBe("whole\n");
    expect(stderr).toContain("warning: find container spoilt: ");
    expect((await oci.run(["state", "spoilt"])).stderr).toContain("delete --force spoilt");
    await oci.succeed(["delete", "--force", "spoilt"]);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(join(oci.root, "spoilt"))).toBe(false);
    await oci.succeed(["delete", "--force", "whole"]);
  });
});
