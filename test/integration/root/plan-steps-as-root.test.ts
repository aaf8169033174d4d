import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { settingRecord, stepRecord } from "../../../src/runtime/launch-plan.ts";
import { type DirectLaunch, launchDirectly, makeRootfs } from "../../hostile/direct-launch.ts";

// Plans that take root's rights: what the runtime of a system service is asked for.
let scratch: string;
let rootfs: string;

beforeAll(() => {
  // A tmpfs: its ids can be mapped (Linux 6.3), and devices on it work.
  scratch = mkdtempSync(join("/dev/shm", "tsman-steps-"));
  rootfs = makeRootfs(join(scratch, "root"));
});

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** What a shell command in the container prints. */
async function output(script: string, part: Partial<DirectLaunch>): Promise<string> {
  const handle = await launchDirectly({
    rootfs,
    command: ["/bin/sh", "-c", script],
    stdio: { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    ...part,
  });
  const { stdout } = handle.streams;
  if (stdout === undefined) throw new Error("no pipe");
  const [printed] = await Promise.all([text(stdout), handle.exited]);
  return printed;
}

/** A process in namespaces that belong to the host's user namespace. */
async function withNamespaces(
  options: readonly string[],
  use: (pid: number) => Promise<void>,
): Promise<void> {
  const child = spawn("unshare", [...options, "sh", "-c", "echo $$; exec sleep 1000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    // With --fork it is a child of unshare(1), first of its pid namespace.
    const pid = options.includes("--fork") ? firstChild(child.pid ?? 0) : Number(line.toString());
    await use(pid);
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

const firstChild = (pid: number): number =>
  Number(execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" }).split("\n")[0]);

describe("namespaces of the host", () => {
  const joinOf = (type: string, path: string) => settingRecord("JOIN", [type, path], "test");

  it("are joined by a container that gets a user namespace of its own", async () => {
    await withNamespaces(["--net", "--uts", "--ipc"], async (pid) => {
      const names = ["net", "uts", "ipc"];
      const printed = await output(
        names.map((name) => `busybox readlink /proc/self/ns/${name}`).join("; "),
        {
          settings: [
            joinOf("network", `/proc/${pid}/ns/net`),
            joinOf("uts", `/proc/${pid}/ns/uts`),
            joinOf("ipc", `/proc/${pid}/ns/ipc`),
          ],
        },
      );
      const theirs = names.map((name) => readlinkSync(`/proc/${pid}/ns/${name}`));
      expect(printed.trim().split("\n")).toEqual(theirs);
      expect(theirs).not.toContain(readlinkSync("/proc/self/ns/net"));
    });
  });

  it("that are kept by a bind mount are joined later", async () => {
    const place = join(scratch, "kept");
    writeFileSync(place, "");
    execFileSync("unshare", [`--net=${place}`, "true"]);
    try {
      const settings = [joinOf("network", place)];
      const look = "busybox readlink /proc/self/ns/net";
      const first = await output(look, { settings });
      expect(first).toMatch(/^net:/);
      expect(first.trim()).not.toBe(readlinkSync("/proc/self/ns/net"));
      expect(await output(look, { settings })).toBe(first);
    } finally {
      execFileSync("umount", [place]);
    }
  });

  it("with other processes are joined, and these are seen", async () => {
    await withNamespaces(["--pid", "--fork", "--kill-child"], async (pid) => {
      const settings = [joinOf("pid", `/proc/${pid}/ns/pid`)];
      const part = { namespaces: ["mount"], settings };
      const [own, first] = (await output("echo $$; cat /proc/1/cmdline", part)).split("\n");
      expect(Number(own)).toBeGreaterThan(1);
      expect(first).toContain("sleep\u00001000");
      // With a user namespace as well, in which nothing of them can be mounted.
      const look = "readlink /proc/self/ns/pid /proc/self/ns/user";
      const [theirs, user] = (await output(look, { namespaces: ["user"], settings })).split("\n");
      expect(theirs).toBe(readlinkSync(`/proc/${pid}/ns/pid`));
      expect(user).not.toBe(readlinkSync("/proc/self/ns/user"));
    });
  });
});

describe("without a user namespace", () => {
  const namespaces = ["mount", "pid"];

  it("devices are made, with their mode and owner", async () => {
    const node = (path: string, type: string, minor: string) =>
      stepRecord("MKNOD", [path, type, "1", minor, "0640", "7", "8"], "test");
    const printed = await output(
      "busybox stat -c '%F %a %u %g %t %T' /dev/null /dev/pipe; echo gone >/dev/null",
      { namespaces, steps: () => [node("/dev/null", "c", "3"), node("/dev/pipe", "p", "0")] },
    );
    expect(printed).toBe("character special file 640 7 8 1 3\nfifo 640 7 8 0 0\n");
  });

  it("a device that is there already keeps its mode and owner, which may be the host's", async () => {
    const node = stepRecord("MKNOD", ["/dev/null", "c", "1", "3", "0600", "7", "8"], "test");
    const look = "busybox stat -c '%a %u %g' /dev/null";
    const device = (slots: Parameters<NonNullable<DirectLaunch["steps"]>>[0]) =>
      stepRecord("DEVICE", [slots.open("/dev/null", "any", "test"), "/dev/null"], "test");
    const printed = await output(look, { namespaces, steps: (slots) => [device(slots), node] });
    const host = execFileSync("stat", ["-c", "%a %u %g", "/dev/null"], { encoding: "utf8" });
    expect(printed).toBe(host);
    expect(host).not.toContain("7 8");
  });

  it("the ids of a mount are mapped, and those of its files are not", async () => {
    const file = join(scratch, "shared/file");
    execFileSync("mkdir", [join(scratch, "shared")]);
    writeFileSync(file, "x");
    chownSync(file, 1000, 1001);
    const maps = ["1", "1000", "5000", "1", "1001", "6000", "1"];
    const settings = [
      settingRecord("OPEN_IDMAPPED", ["100", join(scratch, "shared"), "", ...maps], "test"),
    ];
    const steps = () => [stepRecord("BIND", ["@100", "/tmp", "ro", "", ""], "test")];
    const look = "busybox stat -c '%u %g' /tmp/file; (echo y >/tmp/file) 2>&- || echo read-only";
    expect(await output(look, { namespaces, settings, steps })).toBe("5000 6000\nread-only\n");
    expect(execFileSync("stat", ["-c", "%u %g", file], { encoding: "utf8" })).toBe("1000 1001\n");
  });
});

it("what is mounted in a mount with mapped ids is not seen on the host", async () => {
  const place = join(scratch, "peers");
  execFileSync("mkdir", ["-p", join(place, "below")]);
  execFileSync("mount", ["--bind", place, place]);
  try {
    execFileSync("mount", ["--make-shared", place]);
    const maps = ["1", "0", "0", "1", "0", "0", "1"];
    const printed = await output("cat /proc/self/mountinfo", {
      namespaces: ["mount", "pid"],
      settings: [settingRecord("OPEN_IDMAPPED", ["100", place, "", ...maps], "test")],
      steps: () => [
        stepRecord("BIND", ["@100", "/tmp", "", "", ""], "test"),
        stepRecord("MOUNT", ["tmpfs", "inner", "/tmp/below", "", "", ""], "test"),
      ],
    });
    const line = printed.split("\n").find((one) => one.includes(" /tmp "));
    expect(line).toMatch(/ master:\d+ /);
    expect(line).not.toContain("shared:");
    const left = execFileSync("findmnt", ["-n", "-R", place], { encoding: "utf8" });
    expect(left.trim().split("\n")).toHaveLength(1);
  } finally {
    execFileSync("umount", ["-R", place]);
  }
});

it("/dev/null of the caller stays root's when the program gets it as its streams", async () => {
  const before = execFileSync("stat", ["-c", "%u %g", "/dev/null"], { encoding: "utf8" });
  const handle = await launchDirectly({
    rootfs,
    command: ["/bin/true"],
    user: "7",
    namespaces: ["mount", "pid"],
    settings: [settingRecord("PASSTHROUGH", [], "test"), settingRecord("STDIN", [], "test")],
  });
  expect(await handle.exited).toBe(0);
  expect(execFileSync("stat", ["-c", "%u %g", "/dev/null"], { encoding: "utf8" })).toBe(before);
});
