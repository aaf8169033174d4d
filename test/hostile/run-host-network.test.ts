import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hostPrograms } from "../integration/in-container.ts";
import { childrenOf, statusOf } from "../support/proc.ts";
import { useStage } from "./run-stage.ts";

// S88: CVE-2020-15257.  An abstract socket belongs to the network namespace: with the host's network
// a container reaches what listens there, whatever file system and user namespace it has.
const stage = useStage();

/** Names of the unix sockets that a process holds, proc_net(5): `@…` is an abstract one. */
function socketNames(pid: number): readonly string[] {
  const names = new Map(
    readFileSync(`/proc/${pid}/net/unix`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .map((words) => [words[6] ?? "", words[7] ?? ""]),
  );
  return readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
    let target = "";
    try {
      target = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
    } catch {
      // It was the directory's own.
    }
    const name = names.get(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "");
    return name === undefined || name === "" ? [] : [name];
  });
}

/** A process with all that it has started, but for what runs in a container. */
function withChildren(pid: number, inside: number): readonly number[] {
  if (pid === inside) return [];
  return [pid, ...childrenOf(pid).flatMap((child) => withChildren(child, inside))];
}

/** Tries each name as a path and as an abstract name; prints those where somebody answers. */
const dial = `use Socket;
  for my $name (@ARGV) { for my $kind ("", "\\0") {
    socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die;
    (my $bare = $name) =~ s/^\\@//;
    print(($kind eq "" ? "" : "@") . "$bare\\n") if connect($s, pack_sockaddr_un($kind . $bare));
  } }
  print "dialled\\n"`;

describe("a container with the host's network", () => {
  it("reaches no socket of tsman's, neither by an abstract name nor by its path", async () => {
    const host = ["--network=host", "--quiet", ...hostPrograms];
    // As much as there can be: a terminal's session, a monitor with clients, a health check, ports.
    const attached = stage().store.start(["run", "--rm", "-i", "--network=host", "busybox", "cat"]);
    attached.write("up\n");
    await attached.stdout.until("up\n");
    await using published = await stage().background(
      ...["--network=slirp4netns", "--publish=127.0.0.1::80", "--health-cmd=true", "-i"],
      ...["busybox", "cat"],
    );
    const follower = stage().store.start(["attach", published.id]);
    follower.write("here\n");
    await follower.stdout.until("here\n");
    await using attacker = await stage().background(...host, "busybox", "sleep", "1000");

    const monitors = [published, attacker].map(({ pid }) => {
      const monitor = Number(statusOf(pid).PPid);
      expect(statusOf(monitor).Name).toBe("tsman-monitor");
      return withChildren(monitor, pid);
    });
    const own = [...monitors.flat(), attached.pid, follower.pid].flatMap(socketNames);
    expect(own.some((name) => name.endsWith("/attach"))).toBe(true);
    expect(own.filter((name) => name.startsWith("@"))).toEqual([]);

    const { runtimeDir } = stage().store;
    const paths = readdirSync(runtimeDir).flatMap((id) =>
      ["attach", "api", "control", "start"].map((name) => join(runtimeDir, id, name)),
    );
    const names = [...new Set([...own, ...paths, "tsman", "tsman-monitor", published.id])];
    const attack = ["exec", attacker.id, "/usr/bin/perl", "-e", dial, ...names];
    expect((await stage().store.succeed(attack)).stdout).toBe("dialled\n");

    for (const session of [attached, follower]) {
      session.child.kill("SIGKILL");
      await session.ended;
    }
  });

  it("is warned of: who asks for it hears what it means", async () => {
    const { stderr } = await stage().store.succeed(
      "run --rm --network host busybox true".split(" "),
    );
    expect(stderr).toMatch(/warning: --network host: .*abstract/);
  });
});
