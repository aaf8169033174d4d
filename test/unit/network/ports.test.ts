import { createSocket } from "node:dgram";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import type { PortRequest } from "../../../src/container/options.ts";
import { listPorts, reservePorts } from "../../../src/network/ports.ts";

const list = (ports: PortRequest[], rest: object = {}, image: string[] = []) =>
  listPorts({ ports, expose: [], publishAll: false, ...rest }, image);
const tcp = (containerPort: number, hostPort?: number, hostIp?: string): PortRequest => ({
  containerPort,
  hostPort,
  hostIp,
  protocol: "tcp",
});

describe("listPorts", () => {
  it("are those of -p alone, whatever is exposed", () => {
    expect(list([tcp(80, 8080)], { expose: [tcp(1)] }, ["2/tcp"])).toEqual([tcp(80, 8080)]);
  });

  it("with -P are all that the image or --expose names and -p does not have", () => {
    const image = ["80/tcp", "53/udp", "7000-7001", "x", "0", "99999", "5/sctp"];
    const ports = list([tcp(80, 8080)], { publishAll: true, expose: [tcp(443)] }, image);
    expect(ports.map((port) => `${port.containerPort}/${port.protocol}`)).toEqual([
      "80/tcp",
      "443/tcp",
      "53/udp",
      "7000/tcp",
      "7001/tcp",
    ]);
  });

  it.each([
    [[tcp(0)], "not from 1 to 65535"],
    [[tcp(80, 70_000)], "not from 1 to 65535"],
    [[tcp(80, 1, "::1")], "IPv4 addresses only"],
    [[tcp(80, 1, "example.org")], "not an address"],
    [[tcp(80, 1), tcp(81, 1)], "given twice"],
    [[tcp(80, 1, "127.0.0.1"), tcp(81, 1)], "given twice"],
  ])("refuse %j: %s", (ports, why) => {
    expect(() => list(ports)).toThrow(why);
  });

  it("may share a host port on different addresses or protocols", () => {
    const udp = { ...tcp(80, 1), protocol: "udp" as const };
    expect(list([tcp(80, 1, "127.0.0.1"), tcp(81, 1, "127.0.0.2"), udp])).toHaveLength(3);
  });
});

describe("reservePorts", () => {
  const local = "127.0.0.1";

  it("decides open host ports, each another one, and leaves all free", async () => {
    const udp = { ...tcp(53, undefined, local), protocol: "udp" as const };
    const ports = await reservePorts([tcp(80, undefined, local), tcp(81, undefined, local), udp]);
    expect(ports.map((port) => port.containerPort)).toEqual([80, 81, 53]);
    expect(ports[0]?.hostPort).not.toBe(ports[1]?.hostPort);
    const again = await reservePorts(ports);
    expect(again).toEqual(ports);
  });

  it("names a TCP port that is in use", async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, local, done));
    const { port } = server.address() as AddressInfo;
    try {
      await expect(reservePorts([tcp(80, port, local)])).rejects.toMatchObject({
        code: "PORT_IN_USE",
        message: expect.stringContaining(`${local}:${port}/tcp`),
      });
    } finally {
      await new Promise((done) => server.close(done));
    }
  });

  it("names a UDP port that is in use", async () => {
    const socket = createSocket("udp4");
    await new Promise<void>((done) => socket.bind(0, local, done));
    const { port } = socket.address();
    try {
      const request = { ...tcp(53, port, local), protocol: "udp" as const };
      await expect(reservePorts([request])).rejects.toMatchObject({ code: "PORT_IN_USE" });
    } finally {
      await new Promise<void>((done) => socket.close(() => done()));
    }
  });

  it("names an address that is not this host's", async () => {
    await expect(reservePorts([tcp(80, undefined, "192.0.2.77")])).rejects.toThrow(
      "this host has no address 192.0.2.77",
    );
  });
});
