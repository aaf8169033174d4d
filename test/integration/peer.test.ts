import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { requires } from "../support/must-work.ts";
import { findPeer } from "../support/peer.ts";

// The network tests stand on the peer, so it is tested on its own, without tsman.
const peer = findPeer();

describe("the network peer", () => {
  it("is another machine: it sees this one's address on the wire", async (context) => {
    requires(context, peer !== undefined, "there is no peer");
    const server = createServer((socket) => socket.end(`${socket.remoteAddress}\n`));
    await using _closed = { [Symbol.asyncDispose]: async () => void server.close() };
    server.listen(0, peer?.hostAddress);
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const reply = await peer?.tcp({ host: peer.hostAddress, port, data: "" });
    expect(reply).toBe(`${peer?.address}\n`);
  });

  it("does not reach this machine's loopback", async (context) => {
    requires(context, peer !== undefined, "there is no peer");
    await expect(peer?.tcp({ host: "127.0.0.1", port: 7, data: "" })).rejects.toThrow(
      "ECONNREFUSED",
    );
  });

  it("resolves its own name", async (context) => {
    requires(context, peer !== undefined, "there is no peer");
    expect(await lookup("peer.test", { family: 4 })).toMatchObject({ address: peer?.address });
    await expect(lookup("other.test", { family: 4 })).rejects.toThrow("ENOTFOUND");
  });
});
