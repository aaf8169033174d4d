import { connect } from "node:net";
import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import type { PortMapping } from "./ports.ts";

/** slirp4netns(1), "API SOCKET": one JSON request per connection, one JSON reply. */
const replySchema = z.object({
  return: z.optional(z.unknown()),
  error: z.optional(z.object({ desc: z.optional(z.string()) })),
});
const forwardSchema = z.object({ id: z.number() });
const maxReplyBytes = 64 * 1024;
const defaultTimeoutMs = 5000;

/** A port forward that is in force. */
export interface HostForward {
  readonly id: number;
  readonly port: PortMapping;
}

/** What the API functions take besides the request. */
export interface SlirpApiOptions {
  readonly timeoutMs?: number | undefined;
}

/**
 * Has slirp4netns listen on a port of the host and forward to the container.
 *
 * @param socket Path of its API socket.
 * @param guestAddress The container's address.
 * @throws TsmanError PORT_IN_USE when it cannot listen there, NETWORK_FAILED when it does not answer
 */
export async function addHostForward(
  socket: string,
  guestAddress: string,
  port: PortMapping,
  options: SlirpApiOptions = {},
): Promise<HostForward> {
  const reply = await execute(socket, options, {
    execute: "add_hostfwd",
    arguments: {
      proto: port.protocol,
      host_addr: port.hostIp,
      host_port: port.hostPort,
      guest_addr: guestAddress,
      guest_port: port.containerPort,
    },
  });
  if (reply.error !== undefined) {
    const where = `${port.hostIp}:${port.hostPort}/${port.protocol}`;
    throw new TsmanError(
      "PORT_IN_USE",
      `publish port ${where}: ${reply.error.desc ?? "slirp4netns refuses it"}`,
      {
        hint: "another program listens there: choose another host port, or leave it out for a free one",
        details: { hostIp: port.hostIp, hostPort: port.hostPort, protocol: port.protocol },
      },
    );
  }
  const parsed = forwardSchema.safeParse(reply.return);
  if (!parsed.success) throw noAnswer("it gives no id for the forward");
  return { id: parsed.data.id, port };
}

/**
 * Publishes all ports of a container, in order; the first that fails ends it.
 *
 * @throws TsmanError as {@link addHostForward}
 */
export async function publishPorts(
  socket: string,
  guestAddress: string,
  ports: readonly PortMapping[],
  options: SlirpApiOptions = {},
): Promise<HostForward[]> {
  const forwards: HostForward[] = [];
  for (const port of ports) {
    forwards.push(await addHostForward(socket, guestAddress, port, options));
  }
  return forwards;
}

async function execute(
  socket: string,
  options: SlirpApiOptions,
  request: unknown,
): Promise<z.infer<typeof replySchema>> {
  const text = await exchange(socket, JSON.stringify(request), options.timeoutMs);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw noAnswer("its reply is not JSON", error);
  }
  const parsed = replySchema.safeParse(document);
  if (!parsed.success) throw noAnswer("its reply has another shape");
  return parsed.data;
}

function exchange(
  path: string,
  request: string,
  timeoutMs: number = defaultTimeoutMs,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const connection = connect({ path });
  const chunks: Buffer[] = [];
  let size = 0;
  const fail = (why: string, cause?: unknown): void => {
    reject(noAnswer(why, cause));
    connection.destroy();
  };
  connection.setTimeout(timeoutMs, () => fail(`no reply within ${timeoutMs} ms`));
  connection.on("error", (error) => fail(error.message, error));
  connection.on("data", (chunk: Buffer) => {
    size += chunk.byteLength;
    if (size > maxReplyBytes) fail(`its reply exceeds ${maxReplyBytes} bytes`);
    else chunks.push(chunk);
  });
  connection.on("end", () => {
    resolve(Buffer.concat(chunks).toString("utf8"));
    connection.destroy();
  });
  // The end of the request is the end of our half of the stream.
  connection.end(request);
  return promise;
}

function noAnswer(why: string, cause?: unknown): TsmanError {
  return new TsmanError("NETWORK_FAILED", `ask slirp4netns: ${why}`, {
    hint: "run tsman doctor: it checks slirp4netns and its version",
    ...(cause === undefined ? {} : { cause }),
  });
}
