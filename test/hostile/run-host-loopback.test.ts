import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useStage } from "./run-stage.ts";

// S87: services that listen on the host's loopback count on nobody else reaching them.
const stage = useStage();
const servers: Server[] = [];
let port = 0;

/** A service that trusts whoever reaches it. */
async function listen(host: string, wanted: number): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("do not tell\n");
  });
  server.listen({ host, port: wanted });
  await once(server, "listening");
  servers.push(server);
  return (server.address() as { port: number }).port;
}

beforeAll(async () => {
  port = await listen("127.0.0.1", 0);
  const hasIpv6 = Object.values(networkInterfaces())
    .flat()
    .some((address) => address?.address === "::1");
  if (hasIpv6) await listen("::1", port);
  // An abstract socket belongs to the network namespace, not to a directory: unix(7).
  const abstract = createServer((socket) => socket.end("do not tell\n"));
  abstract.listen("\0tsman-hostile-loopback");
  await once(abstract, "listening");
  servers.push(abstract);
});

afterAll(async () => {
  for (const server of servers) await new Promise((done) => server.close(done));
});

const ownAddresses = () =>
  Object.values(networkInterfaces())
    .flat()
    .flatMap((address) => (address === undefined || address.internal ? [] : [address.address]))
    .filter((address) => !address.startsWith("fe80"));

const addresses = () => [
  "10.0.2.2",
  "10.0.2.1",
  "10.0.2.3",
  "10.0.2.255",
  "169.254.1.1",
  "169.254.1.2",
  "127.0.0.1",
  "127.0.0.2",
  "127.1.2.3",
  "0.0.0.0",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:10.0.2.2",
  "fd00::2",
  "fd00::3",
  "host.containers.internal",
  "host.docker.internal",
  "localhost",
  ...ownAddresses(),
];

/** All at once: what is dropped instead of refused takes its time. */
const script = () =>
  [
    ...addresses().map(
      (address) =>
        `(answer=$(nc -w 2 ${address} ${port} </dev/null 2>&-); [ "$answer" ] && echo "${address}: $answer") &`,
    ),
    "wait; echo looked",
  ].join("\n");

const run = async (...options: readonly string[]) =>
  await stage().store.succeed([
    ...["run", "--rm", ...options],
    ...["busybox", "sh", "-c", script()],
  ]);

describe("a service on the host's loopback", () => {
  it.each([
    "--tty=false",
    "--network=slirp4netns:enable_ipv6=true",
    "--network=none",
    "--privileged",
  ])("is not reached from a container, by whatever address (options: %s)", async (options) => {
    const { stdout } = await run(options);
    expect(stdout).toBe("looked\n");
  });

  // With CAP_NET_ADMIN it is: slirp4netns forwards whatever is routed to it, 127.0.0.1 as well.
  it("is not reached with a route of one's own by a program that lacks CAP_NET_ADMIN", async () => {
    const routes = [
      "ip addr add 127.0.0.5/32 dev tap0; ip route add 127.0.0.0/8 dev tap0 table local",
      "ip addr del 127.0.0.1/8 dev lo; ip route del local 127.0.0.0/8 table local",
      "ip route add 127.0.0.0/8 via 10.0.2.2; ip route add 169.254.0.0/16 via 10.0.2.2",
      "echo 1 >/proc/sys/net/ipv4/conf/tap0/route_localnet",
    ].join("\n");
    const args = ["run", "--rm", "--cap-add=NET_BIND_SERVICE", "busybox", "sh", "-c"];
    const before = "cat /proc/net/route; ip addr show tap0; ip addr show lo";
    const attack = `(${before}) >/tmp/before; (${routes}) 2>&-; (${before}) | cmp - /tmp/before`;
    const { stdout } = await stage().store.succeed([...args, `${attack}\n${script()}`]);
    expect(stdout).toBe("looked\n");
  });

  it("is reached when that is asked for, by the gateway's address", async () => {
    const { stdout } = await run("--network=slirp4netns:allow_host_loopback=true");
    expect(stdout).toContain("10.0.2.2: do not tell\n");
  });

  it("is not reached by an abstract name", async () => {
    const names = ["busybox", "cat", "/proc/net/unix"];
    const { stdout } = await stage().store.succeed(["run", "--rm", ...names]);
    expect(stdout).toContain("Path");
    expect(stdout).not.toContain("tsman-hostile-loopback");
  });
});
