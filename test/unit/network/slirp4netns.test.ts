import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addHostForward, publishPorts } from "../../../src/network/slirp-api.ts";
import { slirpAddresses, slirpArguments } from "../../../src/network/slirp4netns.ts";

describe("slirpAddresses", () => {
  it("are those of slirp4netns(1)", () => {
    expect(slirpAddresses()).toEqual({
      cidr: "10.0.2.0/24",
      container: "10.0.2.100",
      gateway: "10.0.2.2",
      dns: "10.0.2.3",
    });
    expect(slirpAddresses("192.168.200.77/25")).toMatchObject({
      cidr: "192.168.200.0/25",
      container: "192.168.200.100",
    });
    expect(slirpAddresses("200.0.0.0/8").container).toBe("200.0.0.100");
  });

  it.each([
    "10.0.2.0",
    "10.0.2.0/26",
    "10.0.2.0/0",
    "10.0.2/24",
    "fd00::/64",
    "x/24",
    "10.0.2.0/24/1",
    "",
  ])("refuse the network %j", (cidr) => {
    expect(() => slirpAddresses(cidr)).toThrow("not an IPv4 network");
  });
});

describe("slirpArguments", () => {
  const argv = (options: object = {}, apiSocket?: string) =>
    slirpArguments({ program: "/usr/bin/slirp4netns", options, apiSocket });

  it("are sandboxed, filtered, and close the host's loopback (S87, S91)", () => {
    expect(argv()).toEqual([
      "/usr/bin/slirp4netns",
      "--configure",
      "--mtu=65520",
      "--cidr=10.0.2.0/24",
      "--disable-host-loopback",
      "--enable-sandbox",
      "--enable-seccomp",
      "--ready-fd={ready_fd}",
      "--exit-fd={exit_fd}",
      "{pid}",
      "tap0",
    ]);
  });

  it("take what --network slirp4netns:… asks for", () => {
    const options = {
      allowHostLoopback: true,
      mtu: 1500,
      cidr: "10.9.0.0/16",
      enableIpv6: true,
      outboundAddr: "eth0",
      outboundAddr6: "2001:db8::1",
    };
    expect(argv(options, "/run/c/slirp.sock")).toEqual(
      expect.arrayContaining([
        "--mtu=1500",
        "--cidr=10.9.0.0/16",
        "--enable-ipv6",
        "--outbound-addr=eth0",
        "--outbound-addr6=2001:db8::1",
        "--api-socket=/run/c/slirp.sock",
      ]),
    );
    expect(argv(options)).not.toContain("--disable-host-loopback");
  });

  it.each([
    { mtu: 10 },
    { mtu: 70_000 },
    { mtu: 1500.5 },
    { outboundAddr: "2001:db8::1" },
    { outboundAddr: "eth0 --x" },
    { outboundAddr6: "10.0.0.1" },
  ])("refuse %j", (options) => {
    expect(() => argv(options)).toThrow("use --network slirp4netns:");
  });
});

describe("the API socket", () => {
  let directory = "";
  let socket = "";
  let server: Server;
  let requests: string[] = [];
  let connections: Socket[] = [];
  const port = { hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" } as const;

  const answer = async (reply: (connection: Socket, request: string) => void) => {
    server = createServer({ allowHalfOpen: true }, (connection) => {
      let text = "";
      connections.push(connection);
      connection.on("error", () => {});
      connection.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      connection.on("end", () => {
        requests.push(text);
        reply(connection, text);
      });
    });
    await new Promise<void>((done) => server.listen(socket, done));
  };

  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), "tsman-slirp-"));
    socket = path.join(directory, "api");
    requests = [];
    connections = [];
  });
  afterEach(async () => {
    for (const connection of connections) connection.destroy();
    if (server?.listening) await new Promise((done) => server.close(done));
    rmSync(directory, { recursive: true, force: true });
  });

  it("gets one request per connection, as slirp4netns(1) has it", async () => {
    await answer((connection) => connection.end('{"return":{"id":5}}'));
    const other = { ...port, hostPort: 53, containerPort: 53, protocol: "udp" } as const;
    const forwards = await publishPorts(socket, "10.0.2.100", [port, other]);
    expect(forwards.map((one) => one.id)).toEqual([5, 5]);
    expect(requests.map((text) => JSON.parse(text))).toEqual([
      {
        execute: "add_hostfwd",
        arguments: {
          proto: "tcp",
          host_addr: "0.0.0.0",
          host_port: 8080,
          guest_addr: "10.0.2.100",
          guest_port: 80,
        },
      },
      expect.objectContaining({ arguments: expect.objectContaining({ proto: "udp" }) }),
    ]);
  });

  it("reports a refused port by its number", async () => {
    await answer((connection) =>
      connection.end('{"error":{"desc":"bad request: add_hostfwd: slirp_add_hostfwd failed"}}'),
    );
    await expect(addHostForward(socket, "10.0.2.100", port)).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining("publish port 0.0.0.0:8080/tcp"),
    });
  });

  it.each([
    ["no JSON", "hello", "not JSON"],
    ["another shape", "[1]", "another shape"],
    ["no id", '{"return":{}}', "no id"],
    ["nothing", "", "not JSON"],
    ["too much", "x".repeat(100_000), "exceeds"],
  ])("refuses a reply of %s", async (_, reply, why) => {
    await answer((connection) => connection.end(reply));
    await expect(addHostForward(socket, "10.0.2.100", port)).rejects.toThrow(why);
  });

  it("does not wait for ever", async () => {
    await answer(() => {});
    const waiting = addHostForward(socket, "10.0.2.100", port, { timeoutMs: 20 });
    await expect(waiting).rejects.toThrow("no reply within 20 ms");
  });

  it("says that nobody listens", async () => {
    await expect(addHostForward(socket, "10.0.2.100", port)).rejects.toMatchObject({
      code: "NETWORK_FAILED",
    });
  });
});
