import { execFile, spawnSync } from "node:child_process";
import { chmodSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostPrograms } from "../integration/in-container.ts";
import { tsmanPath } from "../integration/support.ts";
import { childrenOf, commandLineOf, statusOf } from "../support/proc.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { patience } from "../support/wait.ts";
import { useStage } from "./run-stage.ts";

// S37, S43, S90: what other users of the machine must not get at.  CVE-2021-41091 (programs of
// images that are setuid below a directory that all may enter), CVE-2021-4024 (the forwarder's API).
// S91: how slirp4netns runs.  S93: the resolver that it is, for the container only.
const stage = useStage();
let container: { id: string; pid: number };

/** Modes of all that is below, as `MODE PATH`. */
function modesBelow(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (path: string, name: string) => {
    const { mode } = lstatSync(path);
    found.set(name, (mode & 0o7777).toString(8).padStart(4, "0"));
    if ((mode & 0o170000) !== 0o040000) return;
    // The overlay's own, which is closed to its owner too.
    if ((mode & 0o700) === 0) return;
    for (const entry of readdirSync(path)) walk(join(path, entry), join(name, entry));
  };
  walk(directory, ".");
  return found;
}

beforeAll(async () => {
  const layer = new TarBuilder().file("bin/setuid", "#!/bin/sh\n", { mode: 0o6755 });
  const image = stage().image({ layers: [layer] });
  const pidFile = stage().pidFile();
  // The store is made by this very command, with nothing taken from the modes that it asks for.
  const script = 'umask 0; exec "$tsman" run --detach --quiet "$@"';
  const options = ["--pidfile", pidFile, "--publish", "127.0.0.1::80", "--volume", "named:/data"];
  const command = ["sh", "-c", "echo logged; exec sleep 1000"];
  const { stdout } = await promisify(execFile)(
    "sh",
    ["-c", script, "sh", ...options, image, ...command],
    { env: stage().store.environment({ tsman: tsmanPath }), timeout: patience },
  );
  container = { id: stdout.trim(), pid: Number(readFileSync(pidFile, "utf8")) };
});

afterAll(async () => {
  await stage().store.succeed(["rm", "--force", "--time", "0", "--volumes", container.id]);
});

describe("the store and the runtime directory, made with umask 0", () => {
  it("are closed to others", () => {
    const { root, runtimeDir } = stage().store;
    expect((lstatSync(root).mode & 0o7777).toString(8)).toBe("700");
    expect((lstatSync(runtimeDir).mode & 0o7777).toString(8)).toBe("700");
  });

  it("hold directories that are closed as well, and private logs, fifos and databases", () => {
    const inStore = modesBelow(stage().store.root);
    for (const name of ["blobs", "layers", "containers", "volumes", "locks"]) {
      expect(inStore.get(name), name).toBe("0700");
    }
    expect(inStore.get("store.db")).toBe("0600");
    expect(inStore.get(`containers/${container.id}`)).toBe("0700");
    expect(inStore.get(`containers/${container.id}/ctr.log`)).toBe("0600");
    const running = modesBelow(stage().store.runtimeDir);
    expect(running.get(container.id)).toBe("0700");
    expect(running.get(`${container.id}/control`)).toBe("0600");
    for (const [name, mode] of running) expect(mode, name).toMatch(/00$/);
  });

  it("show another user nothing, even below a directory that all may enter", async () => {
    const { scratch, root, runtimeDir } = stage().store;
    chmodSync(scratch, 0o755);
    const script = [
      "id -u",
      `find ${root} ${runtimeDir} -mindepth 1`,
      `cat ${root}/store.db ${root}/containers/${container.id}/ctr.log`,
      `echo stop 9 0 >${runtimeDir}/${container.id}/control`,
      `find ${root} ${runtimeDir} -name setuid -exec echo found {} +`,
    ].join("\n");
    // Another user of the host: one of the subordinate ids.
    const options = ["--user=1234", "-v", `${scratch}:${scratch}`];
    const { stdout } = await stage().run(...options, "busybox", "sh", "-c", script);
    expect(stdout).toBe("1234\n");
    expect(statusOf(container.pid).State).toMatch(/^S/);
  });

  it("hold a program that is setuid, behind closed directories only", () => {
    const setuid = [...modesBelow(join(stage().store.root, "layers"))].filter(([name]) =>
      name.endsWith("bin/setuid"),
    );
    expect(setuid.map(([, mode]) => mode)).toEqual(["6755"]);
  });
});

describe("the log of a container", () => {
  it("is reached by no path inside", async () => {
    const { stdout } = await stage().store.succeed(["logs", container.id]);
    expect(stdout).toBe("logged\n");
    const mounts = readFileSync(`/proc/${container.pid}/mountinfo`, "utf8");
    expect(mounts).not.toMatch(/ctr\.log|control| [^ ]*\/run\/[^ ]*\/api /);
  });
});

describe("the API socket of slirp4netns", () => {
  const socket = () => join(stage().store.runtimeDir, container.id, "api");
  const connect = (path: string) =>
    `use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => "${path}"); print $s ? "open" : "closed: $!"`;

  it("is one, and the caller's", () => {
    const { mode, uid } = lstatSync(socket());
    expect(mode & 0o170000).toBe(0o140000);
    expect(uid).toBe(process.getuid?.());
    expect(mode & 0o077).toBe(0);
    const { stdout } = spawnSync("perl", ["-e", connect(socket())], { encoding: "utf8" });
    expect(stdout).toBe("open");
  });

  it("is not reached by another user", async () => {
    const { scratch } = stage().store;
    chmodSync(scratch, 0o755);
    const options = ["--user=1234", "-v", `${scratch}:${scratch}`, ...hostPrograms];
    const { stdout } = await stage().run(
      ...options,
      "busybox",
      "/usr/bin/perl",
      "-e",
      connect(socket()),
    );
    expect(stdout).toBe("closed: Permission denied");
  });

  it("is not seen in the container, nor any other way to it", async () => {
    const names = readFileSync(`/proc/${container.pid}/net/unix`, "utf8");
    expect(names).not.toContain(container.id);
    const listening = readFileSync(`/proc/${container.pid}/net/tcp`, "utf8").trim().split("\n");
    expect(listening).toHaveLength(1);
  });

  it("is the only one: the published port listens on the address that was said", async () => {
    const listening = readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === "0A" && fields[7] === String(process.getuid?.()));
    const { stdout } = await stage().store.succeed(["ps", "--format", "{{.Ports}}"]);
    const port = Number(/^127\.0\.0\.1:(\d+)->80\/tcp/.exec(stdout)?.[1]);
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    expect(listening.map((fields) => fields[1]).filter((at) => at?.endsWith(`:${hex}`))).toEqual([
      `0100007F:${hex}`,
    ]);
  });
});

function readlinkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** The slirp4netns of the container. */
function slirp(): number {
  const monitor = Number(statusOf(container.pid).PPid);
  const [helper, ...others] = childrenOf(monitor).filter((child) => child !== container.pid);
  expect(others).toEqual([]);
  return helper ?? 0;
}

describe("slirp4netns", () => {
  it("listens for no datagram of the host's, so that it resolves names for nobody else", () => {
    const own = new Set(
      readdirSync(`/proc/${slirp()}/fd`).map((fd) => readlinkOf(`/proc/${slirp()}/fd/${fd}`)),
    );
    const sockets = ["udp", "udp6"].flatMap((name) =>
      readFileSync(`/proc/net/${name}`, "utf8").trim().split("\n").slice(1),
    );
    const its = sockets.filter((line) => own.has(`socket:[${line.trim().split(/\s+/)[9]}]`));
    expect(its).toEqual([]);
  });

  it("is told to lock itself up and to keep the host's loopback closed", () => {
    const args = commandLineOf(slirp());
    expect(args[0]).toMatch(/\/slirp4netns$/);
    expect(args).toEqual(
      expect.arrayContaining(["--enable-sandbox", "--enable-seccomp", "--disable-host-loopback"]),
    );
  });

  it("runs with a filter of system calls, without new privileges, and with one capability at most", () => {
    const status = statusOf(slirp());
    expect(status.Seccomp).toBe("2");
    expect(status.NoNewPrivs).toBe("1");
    // CAP_NET_BIND_SERVICE in its own user namespace: capabilities(7).
    expect(BigInt(`0x${status.CapEff}`) & ~(1n << 10n)).toBe(0n);
    expect(BigInt(`0x${status.CapBnd}`) & ~(1n << 10n)).toBe(0n);
  });
});
