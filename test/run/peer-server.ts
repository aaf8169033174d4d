import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { chmodSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";

// The other machine of the network tests: runs alone in a network namespace, started by peer.ts.
//
//   tcp 7      says `ADDRESS PORT` of whoever connected, then echoes
//   udp 7      answers `ADDRESS PORT DATA`
//   udp 53     DNS: peer.test is this machine, of any other name it knows nothing
//   control    on a unix socket, for the tests: connect from here to a published port

const [address = "", control = ""] = process.argv.slice(2);

createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.write(`${plain(socket.remoteAddress)} ${socket.remotePort}\n`);
  socket.pipe(socket);
}).listen(7, address);

udpServer(7, (data, from) => Buffer.concat([Buffer.from(`${from.address} ${from.port} `), data]));
udpServer(53, (query) => answerName(query));

/** What a test asks the peer to do. */
interface Task {
  readonly protocol: "tcp" | "udp";
  readonly host: string;
  readonly port: number;
  readonly data: string;
}

createHttpServer((request, response) => {
  text(request)
    .then(async (body) => {
      const task = JSON.parse(body) as Task;
      const reply = task.protocol === "tcp" ? await askTcp(task) : await askUdp(task);
      response.end(JSON.stringify({ reply }));
    })
    .catch((error: NodeJS.ErrnoException) => {
      response.end(JSON.stringify({ error: error.code ?? error.message }));
    });
}).listen(control, () => {
  chmodSync(control, 0o666);
  process.stdout.write("ready\n");
});

/** Connects, sends, closes its half and reads to the end. */
async function askTcp({ host, port, data }: Task): Promise<string> {
  const socket = connect({ host, port, timeout: 10_000 });
  socket.on("timeout", () => socket.destroy(new Error("no answer within 10 s")));
  socket.end(data);
  return await text(socket);
}

async function askUdp({ host, port, data }: Task): Promise<string> {
  const socket = createSocket("udp4");
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("message", (message) => resolve(message.toString()));
      const send = () => socket.send(data, port, host);
      send();
      // Datagrams get lost, above all the first, while a forwarder is being made.
      const again = setInterval(send, 200);
      setTimeout(() => reject(new Error("no answer within 10 s")), 10_000).unref();
      socket.once("close", () => clearInterval(again));
    });
  } finally {
    socket.close();
  }
}

function udpServer(
  port: number,
  answer: (data: Buffer, from: { readonly address: string; readonly port: number }) => Buffer,
): UdpSocket {
  const socket = createSocket("udp4");
  socket.on("message", (data, from) => socket.send(answer(data, from), from.port, from.address));
  return socket.bind(port, address);
}

/** An answer as of RFC 1035, section 4: one A record for peer.test, else NXDOMAIN or nothing. */
function answerName(query: Buffer): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const question = query.subarray(12, at + 5);
  const isKnown = labels.join(".").toLowerCase() === "peer.test";
  const isAddress = query.readUInt16BE(at + 1) === 1;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // Response, recursion desired and available; 3 is NXDOMAIN.
  header.writeUInt16BE(0x8180 | (isKnown ? 0 : 3), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(isKnown && isAddress ? 1 : 0, 6);
  if (!isKnown || !isAddress) return Buffer.concat([header, question]);
  // Name by pointer to the question, type A, class IN, 60 s, four bytes.
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
  return Buffer.concat([header, question, record, Buffer.from(address.split(".").map(Number))]);
}

/** 192.0.2.1 rather than ::ffff:192.0.2.1. */
function plain(remote: string | undefined): string {
  return remote?.replace(/^::ffff:/, "") ?? "";
}
