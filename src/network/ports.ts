import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { ContainerOptions, PortRequest } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { isIPv4, isIPv6 } from "../platform/ip-address.ts";

/** A published port with all its parts decided. */
export interface PortMapping {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

const anyAddress = "0.0.0.0";
const maxPort = 65_535;

/**
 * The ports that a container publishes: `-p`, and with `-P` all that it or its image exposes.
 *
 * @throws TsmanError USAGE on a number that is no port or the same host port twice,
 * OPTION_UNSUPPORTED for an IPv6 host address, which slirp4netns cannot listen on
 */
export function listPorts(
  options: Pick<ContainerOptions, "ports" | "expose" | "publishAll">,
  imagePorts: readonly string[],
): PortRequest[] {
  const ports = [...options.ports];
  if (options.publishAll) {
    const exposed = [...options.expose, ...imagePorts.flatMap(parseExposed)];
    for (const port of exposed) {
      const isPublished = ports.some(
        (one) => one.containerPort === port.containerPort && one.protocol === port.protocol,
      );
      if (!isPublished) {
        ports.push({ containerPort: port.containerPort, protocol: port.protocol });
      }
    }
  }
  for (const port of ports) checkPort(port);
  checkTwice(ports);
  return ports;
}

/** `80`, `80/tcp`, `8000-8010/udp` of an image; what is no port is left out. */
function parseExposed(text: string): PortRequest[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp))?$/i.exec(text);
  if (match === null) return [];
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first < 1 || last > maxPort || last < first) return [];
  const protocol = match[3]?.toLowerCase() === "udp" ? "udp" : "tcp";
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    containerPort: first + index,
    protocol,
  }));
}

function checkPort(port: PortRequest): void {
  for (const number of [port.containerPort, port.hostPort]) {
    if (number !== undefined && !(Number.isInteger(number) && number >= 1 && number <= maxPort)) {
      throw new TsmanError("USAGE", `publish port ${number}: not from 1 to ${maxPort}`);
    }
  }
  const { hostIp } = port;
  if (hostIp === undefined || hostIp === "" || isIPv4(hostIp)) return;
  if (isIPv6(hostIp)) {
    throw new TsmanError(
      "OPTION_UNSUPPORTED",
      `publish port on [${hostIp}]: slirp4netns listens on IPv4 addresses only`,
      { hint: "publish on an IPv4 address, or use --network host" },
    );
  }
  throw new TsmanError("USAGE", `publish port on ${JSON.stringify(hostIp)}: not an address`);
}

function checkTwice(ports: readonly PortRequest[]): void {
  const fixed = ports.filter((port) => port.hostPort !== undefined);
  fixed.forEach((port, index) => {
    const other = fixed
      .slice(0, index)
      .find(
        (one) =>
          one.hostPort === port.hostPort &&
          one.protocol === port.protocol &&
          (address(one) === address(port) ||
            address(one) === anyAddress ||
            address(port) === anyAddress),
      );
    if (other !== undefined) {
      throw new TsmanError(
        "USAGE",
        `publish port ${port.hostPort}/${port.protocol}: it is given twice`,
        { hint: "give every host port once" },
      );
    }
  });
}

function address(port: PortRequest): string {
  return port.hostIp === undefined || port.hostIp === "" ? anyAddress : port.hostIp;
}

/**
 * Decides the open host ports and proves that all of them can be listened on, before anything of
 * the container exists.  They are free again at the end: who takes one in between is noticed by
 * slirp4netns.
 *
 * @throws TsmanError PORT_IN_USE, PREFLIGHT_PORT (below ip_unprivileged_port_start)
 */
export async function reservePorts(requests: readonly PortRequest[]): Promise<PortMapping[]> {
  const held: AsyncDisposable[] = [];
  try {
    const ports: PortMapping[] = [];
    // Those with a number first, so that a random one never takes what another asks for.
    const order = requests
      .map((request, index) => ({ request, index }))
      .toSorted(
        (a, b) =>
          Number(a.request.hostPort === undefined) - Number(b.request.hostPort === undefined),
      );
    for (const { request, index } of order) {
      const hostIp = address(request);
      const probe = await listen(request.protocol, hostIp, request.hostPort ?? 0);
      held.push(probe);
      ports[index] = {
        hostIp,
        hostPort: probe.port,
        containerPort: request.containerPort,
        protocol: request.protocol,
      };
    }
    return ports;
  } finally {
    await Promise.all(held.map((one) => one[Symbol.asyncDispose]()));
  }
}

interface Probe extends AsyncDisposable {
  readonly port: number;
}

async function listen(protocol: "tcp" | "udp", host: string, port: number): Promise<Probe> {
  const { promise, resolve, reject } = Promise.withResolvers<Probe>();
  if (protocol === "tcp") {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      const bound = server.address();
      resolve({
        port: typeof bound === "object" && bound !== null ? bound.port : port,
        [Symbol.asyncDispose]: () => new Promise((done) => server.close(() => done())),
      });
    });
  } else {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind({ address: host, port, exclusive: true }, () => {
      resolve({
        port: socket.address().port,
        [Symbol.asyncDispose]: () => new Promise((done) => socket.close(() => done())),
      });
    });
  }
  try {
    return await promise;
  } catch (error) {
    throw cannotListen(error, protocol, host, port);
  }
}

function cannotListen(error: unknown, protocol: string, host: string, port: number): TsmanError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const where = `${host}:${port}/${protocol}`;
  const details = { hostIp: host, hostPort: port, protocol, errno: code };
  if (code === "EACCES") {
    const start = unprivilegedPortStart();
    return new TsmanError(
      "PREFLIGHT_PORT",
      `publish port ${where}: ports below ${start} are reserved`,
      {
        hint:
          `publish another port, such as ${port + 8000}, or have an administrator run: ` +
          `sysctl net.ipv4.ip_unprivileged_port_start=${port}`,
        cause: error,
        details,
      },
    );
  }
  if (code === "EADDRNOTAVAIL") {
    return new TsmanError("USAGE", `publish port ${where}: this host has no address ${host}`, {
      hint: "use an address of this host, or none for all of them",
      cause: error,
      details,
    });
  }
  if (code === "EADDRINUSE") {
    return new TsmanError("PORT_IN_USE", `publish port ${where}: another program listens there`, {
      hint: "choose another host port, or leave it out for a free one (ss -ltunp shows who listens)",
      cause: error,
      details,
    });
  }
  return new TsmanError("NETWORK_FAILED", `publish port ${where}: ${String(error)}`, {
    cause: error,
    details,
  });
}

function unprivilegedPortStart(): number {
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8");
    return Number.parseInt(text, 10);
  } catch {
    return 1024;
  }
}
