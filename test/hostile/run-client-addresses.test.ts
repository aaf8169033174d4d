import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { hostPrograms } from "../integration/in-container.ts";
import { freePorts } from "../support/free-port.ts";
import { requires } from "../support/must-work.ts";
import { findPeer } from "../support/peer.ts";
import { useStage } from "./run-stage.ts";

// S89: CVE-2021-20199.  Services trust who comes from 127.0.0.1 (CouchDB, PostgreSQL's pg_hba.conf,
// PHP's administrative pages): with forwarded ports nobody may look like that who does not come
// from within the container.
const stage = useStage();
const peer = findPeer();

/** A service that tells its secret to who is local, and to everybody else who he is. */
const trusting = `use IO::Socket::INET; $| = 1;
  my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die $!;
  print "ready\\n";
  while (my $c = $s->accept) {
    my $from = $c->peerhost;
    print $c ($from =~ /^127\\./ ? "the secret" : "not for $from");
    close $c;
  }`;

async function service(...options: readonly string[]) {
  const container = await stage().background(
    ...["--network=slirp4netns", ...hostPrograms, ...options],
    ...["busybox", "/usr/bin/perl", "-e", trusting],
  );
  const logs = stage().store.start(["logs", "-f", container.id]);
  await logs.stdout.until("ready\n");
  logs.child.kill("SIGKILL");
  await logs.ended;
  return container;
}

async function ask(host: string, port: number, localAddress?: string): Promise<string> {
  const socket = connect({ host, port, ...(localAddress !== undefined && { localAddress }) });
  socket.end();
  return await text(socket);
}

describe("a service behind a published port that trusts local clients", () => {
  it("is told its secret by nobody on another machine", async (context) => {
    requires(context, peer !== undefined, "there is no peer: run npm test as root");
    const port = await freePorts();
    await using _container = await service("--publish", `${port}:80`);
    const answer = await peer?.tcp({ host: peer.hostAddress, port, data: "" });
    expect(answer).toBe(`not for ${peer?.address}`);
  });

  it("gives it to nobody of this machine either, whatever address he uses", async () => {
    const port = await freePorts();
    await using container = await service("--publish", `${port}:80`);
    const own = Object.values(networkInterfaces())
      .flat()
      .flatMap((one) => (one?.family === "IPv4" ? [one.address] : []));
    for (const address of [...own, "127.0.0.1", "127.9.9.9"]) {
      expect(await ask(address, port), address).toMatch(/^not for /);
    }
    for (const from of ["127.0.0.1", "127.9.9.9"]) {
      expect(await ask("127.0.0.1", port, from), from).toMatch(/^not for /);
    }
    // It is there for those whom it trusts.
    const inside = ["exec", container.id, "/bin/busybox", "nc", "127.0.0.1", "80"];
    expect((await stage().store.succeed(inside)).stdout).toBe("the secret");
  });
});
