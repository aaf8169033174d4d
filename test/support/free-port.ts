import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * The first of `count` ports in a row that nobody listened on a moment ago, for tcp and udp, on all
 * addresses.
 */
export async function freePorts(count = 1): Promise<number> {
  for (;;) {
    await using held = new AsyncDisposableStack();
    const first = await listen(held, 0);
    const others = Array.from({ length: count - 1 }, (_, index) => first + index + 1);
    const isFree = async (port: number) => {
      try {
        await listen(held, port);
        return true;
      } catch {
        return false;
      }
    };
    const free = await Promise.all(others.map(isFree));
    if (first + count <= 65_536 && free.every(Boolean)) return first;
  }
}

async function listen(held: AsyncDisposableStack, wanted: number): Promise<number> {
  const server = createServer();
  server.listen({ port: wanted, host: "0.0.0.0", exclusive: true });
  await once(server, "listening");
  held.defer(async () => {
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("find a free port: none");
  const socket = createSocket("udp4");
  socket.bind({ port: address.port, exclusive: true });
  await once(socket, "listening");
  held.defer(async () => {
    socket.close();
    await once(socket, "close");
  });
  return address.port;
}
