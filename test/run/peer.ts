import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

// The range for tests between machines (RFC 2544, RFC 5735): no real network uses it.
const hostAddress = "198.18.77.1";
const peerAddress = "198.18.77.2";
const hostInterface = "tsman-test0";

/** Another machine, as far as the network can tell. */
export interface Peer extends AsyncDisposable {
  /** Its address. */
  readonly address: string;
  /** The address of this machine on the wire between the two. */
  readonly hostAddress: string;
  /** The unix socket on which it takes tasks: see peer-server.ts. */
  readonly control: string;
  /** A resolv.conf that names it as name server. */
  readonly resolvConf: string;
}

/**
 * Starts the peer in a network namespace of its own, joined to this machine by a veth pair.  Needs
 * root.  Namespace and pair vanish with the process, however it ends.
 */
export async function startPeer(work: string): Promise<Peer> {
  const control = join(work, "peer.sock");
  const resolvConf = join(work, "resolv.conf");
  await writeFile(resolvConf, `nameserver ${peerAddress}\n`, { mode: 0o644 });
  // The shell waits until the interface is there, and then becomes the server.
  const script = 'read -r go && exec "$@"';
  // The peer must not outlive us, even when we are killed.
  const server = spawn(
    "setpriv",
    [
      "--pdeathsig=KILL",
      "unshare",
      "--net",
      "--kill-child",
      "--",
      "sh",
      "-c",
      script,
      "sh",
      process.execPath,
      join(import.meta.dirname, "peer-server.ts"),
      peerAddress,
      control,
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const ended = once(server, "exit");
  const dispose = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      server.kill("SIGKILL");
      await ended;
    }
  };
  try {
    const { pid } = server;
    if (pid === undefined) throw new Error("start the network peer: unshare did not start");
    await untilInNamespace(pid);
    const inside = ["--net", `--target=${pid}`, "ip"];
    // A pair that an interrupted run left behind would keep its name.
    await run("ip", ["link", "delete", hostInterface]).catch(() => undefined);
    await run("ip", [
      ..."link add".split(" "),
      hostInterface,
      ..."type veth peer name wire netns".split(" "),
      String(pid),
    ]);
    await run("ip", ["address", "add", `${hostAddress}/30`, "dev", hostInterface]);
    await run("ip", ["link", "set", hostInterface, "up"]);
    await run("nsenter", [...inside, "address", "add", `${peerAddress}/30`, "dev", "wire"]);
    await run("nsenter", [...inside, "link", "set", "wire", "up"]);
    await run("nsenter", [...inside, "link", "set", "lo", "up"]);
    server.stdin.end("go\n");
    const [line] = await Promise.race([
      once(server.stdout, "data"),
      ended.then(() => {
        throw new Error("start the network peer: it ended");
      }),
    ]);
    if (String(line).trim() !== "ready") throw new Error(`start the network peer: it said ${line}`);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    address: peerAddress,
    hostAddress,
    control,
    resolvConf,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Waits until the process has left our network namespace. */
async function untilInNamespace(pid: number): Promise<void> {
  const ours = await readlink("/proc/self/ns/net");
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    if ((await readlink(`/proc/${pid}/ns/net`)) !== ours) return;
    await delay(5);
  }
  throw new Error("start the network peer: unshare does not leave our network namespace");
}
