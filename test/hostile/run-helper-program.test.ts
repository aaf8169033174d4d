import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { settingRecord, stepRecord } from "../../src/runtime/launch-plan.ts";
import { startMonitor } from "../../src/runtime/monitor-client.ts";
import { protocolVersion } from "../../src/runtime/protocol.ts";
import { SlotTable } from "../../src/runtime/slots.ts";
import { projectRoot } from "../integration/support.ts";
import { childrenOf, findChild, statusOf } from "../support/proc.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { patience, Transcript, until, within } from "../support/wait.ts";
import { launchDirectly, makeRootfs } from "./direct-launch.ts";
import { compileProbe } from "./probe.ts";
import { fingerprint, useStage } from "./run-stage.ts";

// S1: CVE-2019-5736 (a container overwrites the program that started it through /proc/PID/exe).
// S24: CVE-2016-9962 (a container gets at a process that joins it, before it is the program).
const stage = useStage();
let peek: Buffer;
let tsman: string;

beforeAll(() => {
  peek = compileProbe("peek");
  // An installation that belongs to the user, as in his home: his own program is what is at stake.
  const installation = join(stage().store.scratch, "installation");
  mkdirSync(join(installation, "dist"), { recursive: true });
  for (const name of [
    "bin",
    "package.json",
    "dist/cli",
    "dist/chunks",
    "dist/lib",
    "dist/libexec",
  ]) {
    cpSync(join(projectRoot, name), join(installation, name), { recursive: true });
  }
  for (const name of ["node_modules", "dist/images"]) {
    symlinkSync(join(projectRoot, name), join(installation, name));
  }
  tsman = join(installation, "bin/tsman");
});

/** Fields of proc_pid_stat(5) from the third on. */
const stat = (pid: number) => {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
};
const helper = () => join(stage().store.scratch, "installation/dist");

/** `tsman run` of that installation. */
async function run(...args: readonly string[]) {
  const network = args.some((arg) => arg.startsWith("--network")) ? [] : ["--network=none"];
  const child = spawn(tsman, ["run", "--rm", "--quiet", ...network, ...args], {
    env: stage().store.environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = [new Transcript(child.stdout), new Transcript(child.stderr)];
  const [status] = await within(patience, `tsman run ${args.join(" ")}`, once(child, "close"));
  return { status, stdout: stdout.text, stderr: stderr.text };
}

describe("the native program", () => {
  it("is not written through /proc/1/exe when it is the container's init", async () => {
    const before = fingerprint(helper());
    const script = [
      "for i in 1 2 3 4 5 6 7 8 9 10; do",
      "  for f in /proc/1/exe /proc/1/map_files/*; do (echo overwritten >$f) && echo wrote; done",
      "  dd if=/bin/busybox of=/proc/1/exe && echo wrote",
      "  truncate -s 0 /proc/1/exe && echo wrote",
      "done 2>/dev/null",
      // It is executed anew inside: all that it has is the container's, or its own sealed copy.
      "for f in /proc/1/exe /proc/1/root /proc/1/cwd /proc/1/fd/*; do readlink $f; done; echo done",
    ].join("\n");
    const { stdout, stderr } = await run("--init", "--cap-add=ALL", "busybox", "sh", "-c", script);
    expect(stdout, stderr).toBe("/memfd:tsman-native (deleted)\n/\n/\ndone\n");
    expect(fingerprint(helper())).toBe(before);
  });

  it("is a sealed copy in memory when the image executes it", async () => {
    const before = fingerprint(helper());
    const image = stage().image({
      layers: [
        new TarBuilder()
          .file("entry", "#!/proc/self/exe\n", { mode: 0o755 })
          .symlink("link", "/proc/1/exe"),
      ],
    });
    // What runs is tsman's program, told to do what the image likes.  It finds no control socket.
    for (const program of [
      "/entry",
      "/link",
      "/proc/self/exe",
      "/proc/thread-self/exe",
      "/monitor",
    ]) {
      const { stdout, stderr } = await run("--cap-add=ALL", image, program, "monitor");
      expect(stdout).toBe("");
      expect(stderr).not.toContain("overwritten");
    }
    expect(fingerprint(helper())).toBe(before);
  });
});

describe("the memory that containers share their native program in", () => {
  it("serves the others when one takes the rights to its own away", async () => {
    const check = ["--health-interval=200ms", "--health-cmd=echo >>/checks"];
    await using watched = await stage().background(...check, "busybox", "sleep", "1000");
    // What runs is the very file that the others have, unless theirs is their own.
    const pid1 = ["busybox", "/proc/self/exe", "supervise", "2"];
    await using attacker = await stage().background("--cap-add=ALL", ...pid1);
    const spoil = "f=/proc/1/exe; chmod 0 $f && chown 7 $f && stat -Lc %a:%u $f";
    const spoilt = await stage().store.succeed(["exec", attacker.id, "sh", "-c", spoil]);
    expect(spoilt.stdout).toBe("0:7\n");
    const lines = "touch /checks; wc -l </checks";
    const count = async () =>
      (await stage().store.succeed(["exec", watched.id, "sh", "-c", lines])).stdout;
    const before = await count();
    await until("more checks", async () => (await count()) !== before || undefined);
    for (const options of [[], ["--init"], ["--publish=0:80", "--network=slirp4netns"]]) {
      const { status, stderr } = await run(...options, "busybox", "true");
      expect(status, stderr).toBe(0);
    }
  });

  it("is not executed by others when only the right to that is gone", async () => {
    const pid1 = ["busybox", "/proc/self/exe", "supervise", "2"];
    await using attacker = await stage().background("--cap-add=ALL", ...pid1);
    await stage().store.succeed(["exec", attacker.id, "chmod", "444", "/proc/1/exe"]);
    const { status, stderr } = await run("busybox", "true");
    expect(status, stderr).toBe(0);
  });
});

describe("a process that joins a container", () => {
  it("cannot be opened, read or traced by it before it is the program", async () => {
    const before = fingerprint(helper());
    const layer = new TarBuilder().file("bin/peek", peek, { mode: 0o755 });
    const image = stage().image({ layers: [layer] });
    const caps = ["--cap-add=ALL", "--security-opt=seccomp=unconfined"];
    await using attacker = await stage().background(...caps, image, "peek");
    const logs = async () => (await stage().store.succeed(["logs", attacker.id])).stdout;
    await until("the attacker to look", async () => /looking/.test(await logs()) || undefined);
    for (let count = 0; count < 6; count += 1) {
      const joining = [`--pid=container:${attacker.id}`, `--ipc=container:${attacker.id}`];
      const { status, stderr } = await run(...joining, "busybox", "true");
      expect(status, stderr).toBe(0);
    }
    await stage().store.succeed(["stop", "--time=10", attacker.id]);
    const said = await logs();
    expect(said).toMatch(/^looking\nseen [1-9]\d*\n$/);
    expect(fingerprint(helper())).toBe(before);
  });

  it("shows nothing of the host to a container whose user namespace it joins", async () => {
    const victim = stage().victim("file");
    const script = [
      "cd /proc; echo looking",
      "while :; do for p in [0-9]*; do",
      `[ -r $p/root${victim} ] && cat $p/root${victim} $p/comm`,
      "done; done 2>/dev/null",
    ].join("\n");
    await using attacker = await stage().background(
      ..."--privileged --pid=host busybox sh -c".split(" "),
      script,
    );
    const logs = async () => (await stage().store.succeed(["logs", attacker.id])).stdout;
    await until("the attacker to look", async () => /looking/.test(await logs()) || undefined);
    // Neither what stays of tsman on the host while a network helper joins the namespaces ...
    const [startTime] = stat(attacker.pid).slice(19);
    const slots = new SlotTable();
    const because = "test";
    const rootfs = slots.open(makeRootfs(stage().directory()), "dir", because);
    const companion = "sleep 1; echo x >&{ready_fd}; exec sleep 100";
    const handle = await startMonitor({
      plan: {
        records: [
          settingRecord("VERSION", [String(protocolVersion)], because),
          settingRecord("FOREGROUND", [], because),
          settingRecord("UNSHARE", ["mount", "pid", "network"], because),
          settingRecord("JOIN", ["user", `/proc/${attacker.pid}/ns/user`], because),
          settingRecord("JOIN_OWNER", [String(attacker.pid), startTime ?? ""], because),
          settingRecord("NETWORK", ["/bin/bash", "-c", companion], because),
          ...slots.records,
          stepRecord("PROPAGATION", ["rprivate"], because),
          stepRecord("ROOT_BIND", [rootfs], because),
          stepRecord("ENTER_ROOT", [], because),
          stepRecord("PIVOT", [], because),
          stepRecord("EXEC", ["/bin/true"], because),
        ],
      },
      stdio: { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    });
    expect(await handle.exited).toBe(0);
    // ... nor that helper, for which nobody but tsman can see to it.
    const { status, stderr } = await run(
      ...["--network=slirp4netns", `--ipc=container:${attacker.id}`, "busybox", "true"],
    );
    expect(stderr).toContain("could trace slirp4netns");
    expect(status).toBe(125);
    expect(await logs()).toBe("looking\n");
  });

  it("has no companion left that could be traced with --pid host when the program starts", async () => {
    const rootfs = makeRootfs(stage().directory());
    // A network helper that stops the process whose namespace it is told to join.
    const script = "kill -STOP {pid}; echo x >&{ready_fd}; exec sleep 100";
    const handle = await launchDirectly({
      rootfs,
      command: ["/bin/sleep", "100"],
      settings: [settingRecord("NETWORK", ["/bin/bash", "-c", script], "test")],
    });
    let hasStarted = false;
    const started = handle.started.then(() => {
      hasStarted = true;
    });
    await handle.ready;
    const companion = await until("the stopped process", () =>
      findChild(handle.pid, (pid) => statusOf(pid).State?.startsWith("T") === true),
    );
    await delay(200);
    expect(hasStarted).toBe(false);
    process.kill(companion, "SIGCONT");
    await started;
    expect(childrenOf(handle.pid)).not.toContain(companion);
    handle.stop(9, 0);
    await handle.exited;
  });
});
