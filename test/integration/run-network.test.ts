import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it, type TestContext } from "vitest";
import { freePorts } from "../support/free-port.ts";
import { requires } from "../support/must-work.ts";
import { findPeer, type Peer } from "../support/peer.ts";
import { processEnds } from "../support/pidfd.ts";
import { childrenOf, commandLineOf, findProcesses, isAlive, statusOf } from "../support/proc.ts";
import { background, hostPrograms, sh, trySh } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();
const found = findPeer();
const slirp = "--network slirp4netns";

/** The peer, which is there in CI and whenever root runs the tests. */
function peerOf(context: TestContext): Peer {
  requires(context, found !== undefined, "there is no peer: run npm test as root");
  return found as Peer;
}

/** Answers every connection and datagram on its port with who sent it: `ADDRESS DATA`. */
function echoServer(protocol: "tcp" | "udp", ports: readonly number[]): readonly string[] {
  const script =
    protocol === "tcp"
      ? `my $s = IO::Socket::INET->new(LocalPort => $p, Listen => 5, ReuseAddr => 1) or die $!;
         print "ready\\n";
         while (my $c = $s->accept) { my $d = join "", <$c>; print $c $c->peerhost, " $d"; close $c }`
      : `my $s = IO::Socket::INET->new(LocalPort => $p, Proto => "udp") or die $!;
         print "ready\\n";
         while ($s->recv(my $d, 2000)) { $s->send($s->peerhost . " $d") }`;
  const program = `use IO::Socket::INET; $| = 1; for my $p (${ports.join(",")}) { next if fork; ${script} } sleep 1000`;
  return ["/usr/bin/perl", "-e", program];
}

/** A container that answers on these ports, once it does. */
async function server(
  options: readonly string[],
  protocol: "tcp" | "udp",
  ports: readonly number[],
) {
  const container = await background(
    store(),
    [...slirp.split(" "), ...hostPrograms, ...options],
    echoServer(protocol, ports),
  );
  const logs = store().start(["logs", "-f", container.id]);
  await logs.stdout.until(new RegExp(`(ready\n){${ports.length}}`));
  logs.child.kill("SIGKILL");
  await logs.ended;
  return container;
}

/** `0.0.0.0:40213` of `80/tcp`. */
async function publishedPort(id: string, containerPort: string): Promise<number> {
  const { stdout } = await store().succeed(["inspect", id]);
  const [{ NetworkSettings }] = JSON.parse(stdout) as [
    { NetworkSettings: { Ports: Record<string, { HostPort: string }[]> } },
  ];
  return Number(NetworkSettings.Ports[containerPort]?.[0]?.HostPort);
}

describe("the default network", () => {
  let seen = "";

  beforeAll(async () => {
    const script = "ip -4 addr show; ip link show tap0; ip route; cat /etc/resolv.conf";
    seen = await sh(store(), slirp, script);
  });

  it("has an address, a route and a name server", () => {
    expect(seen).toContain("10.0.2.100/24");
    expect(seen).toContain("mtu 65520");
    expect(seen).toContain("default via 10.0.2.2 dev tap0");
    expect(seen).toContain("nameserver 10.0.2.3");
  });

  it("has loopback up", () => {
    expect(seen).toContain("127.0.0.1/8");
  });

  it("is what run gives when nothing is said", async () => {
    const { stdout } = await store().succeed("run --rm busybox ip -4 addr show tap0".split(" "));
    expect(stdout).toContain("10.0.2.100/24");
  });

  it("reaches another machine by tcp, which sees this host's address", async (context) => {
    const peer = peerOf(context);
    const answer = await sh(store(), slirp, `echo hello | nc ${peer.address} 7`);
    expect(answer).toMatch(new RegExp(`^${peer.hostAddress} \\d+\nhello$`));
  });

  it("reaches another machine by udp", async (context) => {
    const peer = peerOf(context);
    const program = `use IO::Socket::INET; my $s = IO::Socket::INET->new(PeerAddr => "${peer.address}:7", Proto => "udp") or die $!;
      $s->send("hello"); alarm 10; $s->recv(my $d, 100); print $d`;
    const { stdout } = await store().succeed([
      ..."run --rm".split(" "),
      ...hostPrograms,
      ...["busybox", "/usr/bin/perl", "-e", program],
    ]);
    expect(stdout).toMatch(new RegExp(`^${peer.hostAddress} \\d+ hello$`));
  });

  it("lets everybody ping without a capability", async () => {
    const program =
      'use Socket; socket(S, AF_INET, SOCK_DGRAM, 1) or die "no ping: $!"; print "ping"';
    const { stdout } = await store().succeed([
      ..."run --rm --cap-drop ALL".split(" "),
      ...hostPrograms,
      ...["busybox", "/usr/bin/perl", "-e", program],
    ]);
    expect(stdout).toBe("ping");
  });

  it("resolves names through the host's name server", async (context) => {
    const peer = peerOf(context);
    expect(await sh(store(), slirp, "nslookup peer.test")).toContain(`Address: ${peer.address}`);
    const { stdout } = await trySh(store(), slirp, "nslookup other.test");
    expect(stdout).toContain("NXDOMAIN");
  });

  it("does not reach the host's loopback, by any address of its own (S87)", async () => {
    await using listener = await listenOn("127.0.0.1");
    const { port } = listener;
    // That it is there to be reached is seen with the host's network.
    expect(await sh(store(), "--network host", `nc 127.0.0.1 ${port}`)).toBe("host");
    for (const address of ["10.0.2.2", "127.0.0.1", "10.0.2.3", "0.0.0.0"]) {
      const { stdout } = await trySh(store(), slirp, `nc -w 2 ${address} ${port}`);
      expect(stdout, address).toBe("");
    }
  });

  it("reaches the host's loopback with allow_host_loopback=true", async () => {
    await using listener = await listenOn("127.0.0.1");
    const network = "--network slirp4netns:allow_host_loopback=true";
    expect(await sh(store(), network, `nc 10.0.2.2 ${listener.port}`)).toBe("host");
  });

  it("takes mtu, cidr and enable_ipv6", async () => {
    const network = "--network slirp4netns:mtu=1400,cidr=192.168.77.0/24,enable_ipv6=true";
    const output = await sh(store(), network, "ip addr show tap0; cat /etc/resolv.conf");
    expect(output).toContain("mtu 1400");
    expect(output).toContain("192.168.77.100/24");
    expect(output).toContain("nameserver 192.168.77.3");
  });

  it("refuses options that cannot be meant", async () => {
    for (const options of ["mtu=1", "cidr=nonsense", "port_handler=rootlesskit", "nonsense=1"]) {
      const { status, stderr } = await trySh(store(), `--network slirp4netns:${options}`, "true");
      expect(stderr).toContain("--network");
      expect(status).toBe(125);
    }
  });
});

describe("the other networks", () => {
  it("none has loopback only", async () => {
    const script = "ls /sys/class/net; ip route; ping -c 1 -w 5 127.0.0.1 >/dev/null && echo up";
    expect(await sh(store(), "--network none --cap-add net_raw", script)).toBe("lo\nup");
  });

  it("host has the host's interfaces, with a warning that names the risk (S88)", async () => {
    const { stdout, stderr } = await trySh(store(), "--network host", "ls /sys/class/net");
    expect(stdout.trim().split("\n").sort()).toEqual(readdirSync("/sys/class/net").sort());
    expect(stderr).toMatch(/warning: --network host: .*abstract/);
  });

  it("of unknown names are refused", async () => {
    for (const network of ["bridge", "mynet", "none:x", "host:x"]) {
      const { status, stderr } = await trySh(store(), `--network ${network}`, "true");
      expect(stderr).toContain("--network");
      expect(status).toBe(125);
    }
    const two = await trySh(store(), "--network none --network host", "true");
    expect(two.stderr).toContain("--network");
    expect(two.status).toBe(125);
  });
});

describe("published ports", () => {
  it("lead a tcp client on another machine to the container, until the end", async (context) => {
    const peer = peerOf(context);
    const port = await freePorts();
    const container = await server(["-p", `${port}:80`], "tcp", [80]);
    const task = { host: peer.hostAddress, port, data: "hello" };
    const answer = await peer.tcp(task);
    // The client's own address, as slirp4netns passes it on (S89).
    expect(answer).toBe(`${peer.address} hello`);
    await container[Symbol.asyncDispose]();
    await expect(peer.tcp(task)).rejects.toThrow("ECONNREFUSED");
  });

  it("lead datagrams to the container", async (context) => {
    const peer = peerOf(context);
    const port = await freePorts();
    await using _container = await server(["-p", `${port}:53/udp`], "udp", [53]);
    const answer = await peer.udp({ host: peer.hostAddress, port, data: "hello" });
    expect(answer).toBe(`${peer.address} hello`);
  });

  it("may be ranges", async (context) => {
    const peer = peerOf(context);
    const first = await freePorts(3);
    await using container = await server(
      ["-p", `${first}-${first + 2}:8000-8002`],
      "tcp",
      [8000, 8001, 8002],
    );
    for (const offset of [0, 1, 2]) {
      const task = { host: peer.hostAddress, port: first + offset, data: `${offset}` };
      expect(await peer.tcp(task)).toBe(`${peer.address} ${offset}`);
    }
    const { stdout } = await store().succeed(["ps", "--filter", `id=${container.id}`]);
    expect(stdout).toContain(`0.0.0.0:${first}-${first + 2}->8000-8002/tcp`);
  });

  it("are random where the host's is not given, and one per EXPOSE with -P", async (context) => {
    const peer = peerOf(context);
    await using container = await server(["-p", "80", "-P", "--expose", "81"], "tcp", [80, 81]);
    const [one, two] = await Promise.all(
      ["80/tcp", "81/tcp"].map((port) => publishedPort(container.id, port)),
    );
    expect(one).toBeGreaterThan(1023);
    expect(two).not.toBe(one);
    for (const port of [one, two]) {
      const task = { host: peer.hostAddress, port: port ?? 0, data: "x" };
      expect(await peer.tcp(task)).toBe(`${peer.address} x`);
    }
  });

  it("are bound to the address that is given, and no other", async (context) => {
    const peer = peerOf(context);
    const port = await freePorts();
    await using _loopback = await server(["-p", `127.0.0.1:${port}:80`], "tcp", [80]);
    const task = { host: peer.hostAddress, port, data: "x" };
    await expect(peer.tcp(task)).rejects.toThrow("ECONNREFUSED");
    expect(await sh(store(), "--network host", `echo x | nc 127.0.0.1 ${port}`)).toBe("10.0.2.2 x");

    const other = await freePorts();
    await using _wire = await server(["-p", `${peer.hostAddress}:${other}:80`], "tcp", [80]);
    expect(await peer.tcp({ ...task, port: other })).toBe(`${peer.address} x`);
    expect((await trySh(store(), "--network host", `nc -w 2 127.0.0.1 ${other}`)).stdout).toBe("");
  });

  it("in use by another program are an error that names the remedy, and nothing is left", async () => {
    await using listener = await listenOn("0.0.0.0");
    const { status, stderr } = await trySh(
      store(),
      `--name no-port -p ${listener.port}:80 -p 81`,
      "true",
    );
    expect(stderr).toContain(
      `publish port 0.0.0.0:${listener.port}/tcp: another program listens there`,
    );
    expect(stderr).toContain("hint: choose another host port");
    expect(status).toBe(125);
    expectNothingLeft();
    expect((await store().succeed("ps --all --filter name=no-port -q".split(" "))).stdout).toBe("");
  });

  it("below ip_unprivileged_port_start are an error that names the remedy", async () => {
    const { status, stderr } = await trySh(store(), "-p 80:80", "true");
    expect(stderr).toContain("ports below 1024 are reserved");
    expect(stderr).toContain("sysctl net.ipv4.ip_unprivileged_port_start=80");
    expect(status).toBe(125);
  });

  it("do nothing but warn without a network of the container's own", async () => {
    for (const network of ["none", "host"]) {
      const { status, stderr } = await trySh(store(), `--network ${network} -p 8080:80`, "true");
      expect(stderr).toContain(`published ports have no effect with --network ${network}`);
      expect(status).toBe(0);
    }
  });

  it("that cannot be meant are refused", async () => {
    for (const port of [
      "0",
      "65536",
      "a",
      "80:80:80:80",
      "1.2.3:80:80",
      "80/icmp",
      "1-3:1-2",
      "[::1]:80:80",
    ]) {
      const { status, stderr } = await trySh(store(), ["-p", port], "true");
      expect(stderr, port).toMatch(/publish/);
      expect(status, port).toBe(125);
    }
  });
});

describe("the network's helper", () => {
  it("runs sandboxed, and ends with the container, however that ends", async () => {
    const ended = await background(store(), `${slirp} --name helped`);
    const helper = helperOf(monitorOf(ended.pid));
    expect(commandLineOf(helper)).toEqual(
      expect.arrayContaining(["--enable-sandbox", "--enable-seccomp", "--disable-host-loopback"]),
    );
    // Of the caller's environment nothing; that of its C library makes it give back what it freed.
    const environment = readFileSync(`/proc/${helper}/environ`, "utf8").split("\0").slice(0, -1);
    // glibc cuts the variable into its parts.
    const names = environment.map((variable) => variable.split("=")[0] ?? "").sort();
    const others = names.filter((name) => name !== "XDG_RUNTIME_DIR" && !name.startsWith("glibc."));
    expect(others).toEqual(["GLIBC_TUNABLES", "PATH"]);
    process.kill(ended.pid, "SIGKILL");
    await processEnds(helper);
    await ended[Symbol.asyncDispose]();

    // Not even the monitor's sudden end leaves it behind.
    const killed = await background(store(), slirp);
    const monitor = monitorOf(killed.pid);
    const second = helperOf(monitor);
    process.kill(monitor, "SIGKILL");
    await processEnds(second);
    await processEnds(killed.pid);
    await killed[Symbol.asyncDispose]();
    expectNothingLeft();
  });
});

/** The parent of a container's init. */
function monitorOf(pid: number): number {
  return Number(statusOf(pid).PPid);
}

/** The slirp4netns that a monitor has started. */
function helperOf(monitor: number): number {
  const isHelper = (pid: number) => commandLineOf(pid)[0]?.endsWith("slirp4netns") ?? false;
  const helper = childrenOf(monitor).find(isHelper);
  if (helper === undefined) throw new Error(`monitor ${monitor} has no slirp4netns`);
  return helper;
}

/** No container of this store runs: so neither may a helper, nor a volatile directory exist. */
function expectNothingLeft(): void {
  expect(readdirSync(join(store().runtimeDir))).toEqual([]);
  expect(readdirSync(join(store().root, "containers"))).toEqual([]);
  const helpers = findProcesses(
    (pid) => isAlive(pid) && commandLineOf(pid).some((word) => word.includes(store().runtimeDir)),
  );
  expect(helpers).toEqual([]);
}

/** A program of the host that says `host` to whoever connects. */
async function listenOn(address: string): Promise<AsyncDisposable & { readonly port: number }> {
  const listener: Server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.end("host\n");
  });
  listener.listen({ port: 0, host: address, exclusive: true });
  await once(listener, "listening");
  const bound = listener.address();
  return {
    port: typeof bound === "object" ? (bound?.port ?? 0) : 0,
    [Symbol.asyncDispose]: async () => void listener.close(),
  };
}
