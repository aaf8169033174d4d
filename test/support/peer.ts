import { request } from "node:http";
import { text } from "node:stream/consumers";
import { fromDriver } from "./must-work.ts";

/** What the peer is asked to do. */
export interface PeerTask {
  readonly host: string;
  readonly port: number;
  readonly data: string;
}

/**
 * The other machine of the network tests, which test/run.ts starts when it is root: it stands in a
 * network namespace of its own, at the far end of a wire.
 */
export interface Peer {
  /** Its address; tcp 7 says `ADDRESS PORT` of the client and echoes, udp 7 answers likewise. */
  readonly address: string;
  /** This machine's address on the wire: where the peer finds published ports. */
  readonly hostAddress: string;
  /** Lets the peer connect, send, half-close and read to the end. */
  tcp(task: PeerTask): Promise<string>;
  /** Lets the peer send a datagram and wait for one. */
  udp(task: PeerTask): Promise<string>;
}

/** The peer, or undefined where nobody has started one (not root). */
export function findPeer(): Peer | undefined {
  const value = fromDriver("TSMAN_TEST_PEER", "start the tests as root with: npm test");
  if (value === undefined) return undefined;
  const { address, hostAddress, control } = JSON.parse(value) as Record<
    "address" | "hostAddress" | "control",
    string
  >;
  const ask = async (protocol: "tcp" | "udp", task: PeerTask): Promise<string> => {
    const answer = await post(control, JSON.stringify({ protocol, ...task }));
    const { reply, error } = JSON.parse(answer) as { reply?: string; error?: string };
    if (reply === undefined) throw new Error(`${protocol} ${task.host}:${task.port}: ${error}`);
    return reply;
  };
  return {
    address,
    hostAddress,
    tcp: (task) => ask("tcp", task),
    udp: (task) => ask("udp", task),
  };
}

async function post(socketPath: string, body: string): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    const outgoing = request({ socketPath, method: "POST", path: "/" }, (response) => {
      text(response).then(resolve, reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
