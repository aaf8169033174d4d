import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** Below are ports that well-known programs take. */
const lowest = 10_000;

/** The first port that the kernel gives to whoever asks for any: ip(7). */
const ephemeral = Number.parseInt(
  readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"),
  10,
);

/**
 * The first of `count` ports in a row that nobody listened on a moment ago, for tcp and udp, on all
 * addresses.  None that the kernel may give to another before it is used.
 */
export async function freePorts(count = 1): Promise<number> {
  const choices = ephemeral - count - lowest;
  if (choices < 1000) throw new Error(`find a free port: the kernel gives all from ${ephemeral}`);
  for (;;) {
    await using held = new AsyncDisposableStack();
    const first = lowest + randomInt(choices);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const isFree = async (port: number) => {
      try {
        await listen(held, port);
        return true;
      } catch {
        return false;
      }
    };
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return first;
  }
}

async function listen(held: AsyncDisposableStack, port: number): Promise<void> {
  const server = createServer();
  server.listen({ port, host: "0.0.0.0", exclusive: true });
  await once(server, "listening");
  held.defer(async () => {
    server.close();
    await once(server, "close");
  });
  const socket = createSocket("udp4");
  socket.bind({ port, exclusive: true });
  await once(socket, "listening");
  held.defer(async () => {
    socket.close();
    await once(socket, "close");
  });
}
