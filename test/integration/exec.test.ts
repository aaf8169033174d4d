import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findProcesses, statusOf } from "../support/proc.ts";
import { patience, until, within } from "../support/wait.ts";
import { type Background, background } from "./in-container.ts";
import { tsmanPath, useStore } from "./support.ts";

const store = useStore();
let web: Background;

beforeAll(async () => {
  web = await background(store(), "--name web -e OWN=image --hostname here -w /tmp");
});
afterAll(async () => {
  await web[Symbol.asyncDispose]();
});

/** `tsman exec ARGS`: its output, without the last newline. */
async function exec(...args: readonly string[]): Promise<string> {
  const { stdout } = await store().succeed(["exec", ...args]);
  return stdout.replace(/\n$/, "");
}

/** The same for what must fail in tsman itself. */
async function fail(...args: readonly string[]) {
  const result = await store().run(["exec", ...args]);
  expect(result.stdout).toBe("");
  return result;
}

/** Directories of exec sessions below the runtime directory. */
function sessions(id = web.id): string[] {
  try {
    return readdirSync(join(store().runtimeDir, id, "exec"));
  } catch {
    return [];
  }
}

/** Runs a shell script, with the launcher as $1. */
async function inShell(script: string, file: string): Promise<{ stdout: string; stderr: string }> {
  return await promisify(execFile)("bash", ["-c", script, file, tsmanPath], {
    env: store().environment(),
  });
}

function namespaceLink(pid: number, kind: string): string {
  return readlinkSync(`/proc/${pid}/ns/${kind}`);
}

describe("a program in a running container", () => {
  it("sees the container's processes, files and host name", async () => {
    expect(await exec("web", "hostname")).toBe("here");
    expect(await exec("web", "cat", "/proc/1/comm")).toBe("sleep");
    await exec("web", "sh", "-c", "echo kept >/file");
    expect(await exec("web", "cat", "/file")).toBe("kept");
  });

  it("passes its exit status on, and 128 + n for a signal", async () => {
    expect((await store().run(["exec", "web", "sh", "-c", "exit 7"])).status).toBe(7);
    expect((await store().run(["exec", "web", "sh", "-c", "kill -TERM $$"])).status).toBe(143);
  });

  it("has input with -i only, and both outputs byte for byte", async () => {
    const script = "cat; echo error >&2";
    const asked = await store().run(["exec", "-i", "web", "sh", "-c", script], { input: "a\0ü\n" });
    expect([asked.stdout, asked.stderr]).toEqual(["a\0ü\n", "error\n"]);
    const unasked = await store().run(["exec", "web", "sh", "-c", script], { input: "unread" });
    expect(unasked.stdout).toBe("");
  });

  it("has the container's environment, with -e and --env-file over it", async () => {
    const file = join(store().scratch, "variables");
    writeFileSync(file, "# comment\nFROM_FILE=1\nOWN=file\n");
    const lines = (
      await exec("--env-file", file, "-e", "OWN=exec", "-e", "EMPTY=", "web", "env")
    ).split("\n");
    expect(lines.toSorted()).toEqual([
      "EMPTY=",
      "FROM_FILE=1",
      "HOME=/root",
      "HOSTNAME=here",
      "OWN=exec",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "container=oci",
    ]);
    const passed = await store().succeed(["exec", "-e", "MINE", "-e", "NONE", "web", "env"], {
      env: { MINE: "passed on", UNASKED: "secret" },
    });
    expect(passed.stdout).toContain("MINE=passed on\n");
    expect(passed.stdout).not.toMatch(/NONE|UNASKED/);
  });

  it("begins in the container's directory, or in that of -w", async () => {
    expect(await exec("web", "pwd")).toBe("/tmp");
    expect(await exec("-w", "/proc/../usr", "web", "pwd")).toBe("/usr");
    const missing = await fail("-w", "/nosuch", "web", "pwd");
    expect(missing.stderr).toContain("change directory /nosuch (--workdir): no such file");
    // Podman's statuses.
    expect(missing.status).toBe(127);
    expect((await fail("-w", "/etc/passwd", "web", "pwd")).status).toBe(255);
    expect((await fail("-w", "relative", "web", "pwd")).status).toBe(125);
  });

  it("is the user of -u, with that one's groups, home and no capabilities", async () => {
    const script = "id; echo $HOME; grep -E 'CapEff|CapPrm' /proc/self/status";
    expect(await exec("-u", "nobody", "web", "sh", "-c", script)).toBe(
      "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n/nonexistent\n" +
        "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000",
    );
    expect(await exec("-u", "7:8", "web", "id")).toBe("uid=7 gid=8(mail) groups=8(mail)");
    expect(await exec("-u", "0:12", "web", "id", "-g")).toBe("12");
  });

  it.each([
    ["1x", "not a name or number|look up user 1x"],
    ["-1", "not a name or number"],
    ["+0", "not a name or number"],
    [" 0", "not a name or number"],
    ["4294967295", "no id"],
    ["4294967296", "no id"],
    ["nosuchuser", "look up user nosuchuser"],
    ["0:nosuchgroup", "look up group nosuchgroup"],
    [":5", "an empty name"],
  ])("is refused for -u %j, never run as root by accident", async (user, why) => {
    const { status, stderr } = await fail("-u", user, "web", "id");
    expect(stderr).toMatch(new RegExp(why));
    // Podman's where the container is asked for a name.
    expect(status).toBe(stderr.includes("look up") ? 255 : 125);
  });

  it("leaves no entry in /etc/passwd for a user without one", async () => {
    await exec("-u", "4711", "web", "true");
    expect(await exec("web", "cat", "/etc/passwd")).not.toContain("4711");
  });

  it("is found in the container's PATH, else 127, else 126", async () => {
    const missing = await fail("web", "nosuchprogram");
    expect(missing.stderr).toContain("run nosuchprogram: not found in PATH of the container");
    expect(missing.status).toBe(127);
    expect((await fail("web", "/nosuch/program")).status).toBe(127);
    expect((await fail("web", "/etc/passwd")).status).toBe(126);
    expect((await fail("web", "/etc")).status).toBe(126);
    expect(sessions()).toEqual([]);
  });

  it("keeps options behind the container for itself", async () => {
    expect(await exec("web", "echo", "-it", "--", "-u")).toBe("-it -- -u");
  });

  it("goes on without us with -d, until the container ends", async () => {
    await using other = await background(store(), "");
    const id = await exec("-d", other.id, "sleep", "4242");
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(sessions(other.id)).toEqual([id]);
    const file = join(store().runtimeDir, other.id, "exec", id, "monitor");
    const monitor = Number(readFileSync(file, "utf8").split(" ")[0]);
    expect(await exec(other.id, "ps")).toContain("sleep 4242");
    await store().succeed(["stop", "--time=0", other.id]);
    await until("the monitor to end", () =>
      findProcesses((pid) => pid === monitor && statusOf(pid).Name === "tsman-monitor").length === 0
        ? true
        : undefined,
    );
    expect(sessions(other.id)).toEqual([]);
  });

  it("ends with status 137 when the container does", async () => {
    await using other = await background(store(), "");
    const session = store().start(["exec", other.id, "sh", "-c", "echo up; sleep 1000"]);
    await session.stdout.until("up\n");
    await store().succeed(["rm", "--force", "--time", "0", other.id]);
    expect((await within(patience, "the session to end", session.ended)).status).toBe(137);
  });

  it("gets the signals that we get", async () => {
    const script = "trap 'echo caught; exit 9' USR1; echo ready; while :; do sleep 0.05; done";
    const session = store().start(["exec", "web", "sh", "-c", script]);
    await session.stdout.until("ready\n");
    session.child.kill("SIGUSR1");
    const { status, stdout } = await session.ended;
    expect([stdout, status]).toEqual(["ready\ncaught\n", 9]);
  });

  it("gets the descriptors of --preserve-fds and no others", async () => {
    const file = join(store().scratch, "given");
    writeFileSync(file, "given\n");
    const script = [
      'exec 3<"$0" 4<"$0" 5<"$0"',
      `exec "$1" exec --preserve-fds 2 web sh -c 'cat <&3; cat <&4; ls /proc/self/fd | tr "\\n" " "'`,
    ].join("\n");
    // The sixth is that of ls.
    const { stdout, stderr } = await inShell(script, file);
    expect(stdout, stderr).toBe("given\ngiven\n0 1 2 3 4 5 ");
  });

  it("gets none of tsman's own by --preserve-fds", async () => {
    for (const count of ["1", "7", "40"]) {
      const { status, stderr } = await fail(`--preserve-fds=${count}`, "web", "true");
      expect(stderr).toContain("descriptor 3 is not open");
      expect(status).toBe(125);
    }
  });
});

describe("a container that cannot be executed in", () => {
  it("is told by its state, with the way out", async () => {
    await using other = await background(store(), "--name stopped");
    await store().succeed(["stop", "--time=0", other.id]);
    const { status, stderr } = await fail("stopped", "true");
    expect(stderr).toContain("execute in container stopped: it does not run");
    expect(stderr).toContain("tsman start stopped");
    // As of Podman, whose detached sessions have another one.
    expect(status).toBe(255);
    expect((await fail("--detach", "stopped", "true")).status).toBe(125);
  });

  it("is told when it is paused, and is executed in when it goes on", async () => {
    await using other = await background(store(), "--name resting");
    await store().succeed(["pause", other.id]);
    const { status, stderr } = await fail("resting", "true");
    expect(stderr).toContain("execute in container resting: it is paused");
    expect(stderr).toContain("tsman unpause resting");
    // As Podman's, and as of a container that does not run.
    expect(status).toBe(255);
    await store().succeed(["unpause", other.id]);
    expect(await exec("resting", "echo", "awake")).toBe("awake");
  });

  it("is told when there is none, when it is not named, when nothing is to run", async () => {
    expect((await fail("nosuch", "true")).status).toBe(125);
    expect((await fail()).status).toBe(125);
    expect((await fail("web")).stderr).toContain("no command");
  });
});

describe("a container of any kind", () => {
  const kinds: readonly (readonly [what: string, options: string])[] = [
    ["with a small init", "--init"],
    ["with the host's processes", "--pid host"],
    ["with the host's network", "--network host"],
    ["with the namespaces of another", "--network container:web --pid container:web"],
    ["that keeps the caller's id", "--userns keep-id"],
    ["without the caller's id", "--userns nomap"],
    ["that is read-only", "--read-only --cap-drop all --security-opt no-new-privileges"],
    ["with a terminal", "-t"],
    ["with everything", "--privileged"],
  ];
  it.each(kinds)("can be executed in: %s", async (_what, options) => {
    await using other = await background(store(), options);
    const script = "cd /proc/self/ns; for n in *; do readlink $n; done; cat ../uid_map; id -u";
    const inside = (await exec(other.id, "sh", "-c", script)).split("\n");
    for (const kind of ["user", "mnt", "pid", "uts", "ipc", "net", "cgroup"]) {
      expect(inside).toContain(namespaceLink(other.pid, kind));
    }
    expect(inside.at(-1)).toBe(options.includes("keep-id") ? String(process.getuid?.()) : "0");
  });

  it("ends what was executed with the host's processes around it", async () => {
    await using other = await background(store(), "--pid host");
    const session = store().start(["exec", other.id, "sh", "-c", "echo $$; exec sleep 1000"]);
    await session.stdout.until("\n");
    const pid = Number(session.stdout.text);
    await store().succeed(["rm", "--force", "--time", "0", other.id]);
    expect((await within(patience, "the session to end", session.ended)).status).toBe(137);
    expect(findProcesses((one) => one === pid)).toEqual([]);
  });
});

describe("many sessions", () => {
  it("run side by side: fifty at once", async () => {
    const all = Array.from({ length: 50 }, async (_, index) => {
      const args = ["exec", "-i", "web", "sh", "-c", `cat; exit ${index}`];
      const { status, stdout, stderr } = await store().run(args, {
        input: `${index}\n`,
        timeout: 110_000,
      });
      return { status, stdout, stderr };
    });
    const results = await Promise.all(all);
    expect(results).toEqual(
      results.map((_, index) => ({ status: index, stdout: `${index}\n`, stderr: "" })),
    );
    expect(sessions()).toEqual([]);
  }, 120_000);

  it("and the removal of their container do not disturb each other", async () => {
    for (let round = 0; round < 4; round += 1) {
      const other = await background(store(), "");
      const running = Array.from({ length: 3 }, () =>
        store().run(["exec", other.id, "sh", "-c", "echo in; sleep 100"]),
      );
      const removal = store().run(["rm", "--force", "--time", "0", other.id]);
      for (const { status, stdout, stderr } of await Promise.all(running)) {
        // It ran and was killed, or it was told why it could not.
        if (status === 137) expect(["", "in\n"]).toContain(stdout);
        else {
          expect(stderr).toMatch(/does not run|no such container/);
          expect(stdout).toBe("");
        }
      }
      const { status, stderr } = await removal;
      expect(status, stderr).toBe(0);
      expect(readdirSync(store().runtimeDir)).not.toContain(other.id);
    }
  });
});

describe("what is executed in", () => {
  it("is also named by --latest, --cidfile, a part of its id, or container exec", async () => {
    const file = join(store().scratch, "cid");
    await using other = await background(store(), ["--cidfile", file, "--hostname", "newest"]);
    expect(await exec("--latest", "hostname")).toBe("newest");
    expect(await exec("--cidfile", file, "hostname")).toBe("newest");
    expect(await exec(other.id.slice(0, 8), "hostname")).toBe("newest");
    const { stdout } = await store().succeed(["container", "exec", other.id, "hostname"]);
    expect(stdout).toBe("newest\n");
  });
});
