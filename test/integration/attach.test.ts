import { describe, expect, it } from "vitest";
import { statusOf } from "../support/proc.ts";
import { patience, until, within } from "../support/wait.ts";
import { background } from "./in-container.ts";
import { type TsmanProcess, tsmanPath, useStore } from "./support.ts";

const store = useStore();
/** Says every line that it is given, and ends with 4 at "end". */
const echo = ["sh", "-c", 'while read line; do echo "<$line>"; [ "$line" = end ] && exit 4; done'];

/** A client of which is known that it is connected. */
async function connected(client: TsmanProcess): Promise<TsmanProcess> {
  client.write("here\n");
  await client.stdout.until("<here>\n");
  return client;
}

describe("attach", () => {
  it("shows what is written from then on to several at once, and ends with the status", async () => {
    await using container = await background(store(), "-i", echo);
    const watcher = store().start(["attach", "--no-stdin", container.id]);
    const writer = store().start(["attach", container.id]);
    await until("the watcher to be connected", () => {
      writer.write("poke\n");
      return watcher.stdout.text.includes("<poke>") || undefined;
    });
    writer.write("end\n");
    const [watched, wrote] = await Promise.all([watcher.ended, writer.ended]);
    expect(watched.stdout).toMatch(/<end>\n$/);
    expect(wrote.stdout).toMatch(/<poke>\n<end>\n$/);
    expect([watched.status, wrote.status]).toEqual([4, 4]);
  });

  it("gives the end of input on, as a pipe does", async () => {
    await using container = await background(store(), "-i", ["cat"]);
    const { stdout, status } = await store().succeed(["attach", container.id], {
      input: "all of it\n",
    });
    expect(stdout).toBe("all of it\n");
    expect(status).toBe(0);
  });

  it("leaves the program's input open for the next one when a client is killed", async () => {
    await using container = await background(store(), "-i", echo);
    const first = await connected(store().start(["attach", container.id]));
    first.child.kill("SIGKILL");
    await first.ended;
    const second = await connected(store().start(["attach", container.id]));
    second.write("end\n");
    expect((await second.ended).status).toBe(4);
  });

  it("keeps error output apart", async () => {
    await using container = await background(store(), "-i", [
      "sh",
      "-c",
      "read line; echo out; echo err >&2",
    ]);
    const { stdout, stderr } = await store().succeed(["attach", container.id], { input: "go\n" });
    expect(stdout).toBe("out\n");
    expect(stderr).toBe("err\n");
  });

  it("writes nothing to a program that was made without an input", async () => {
    await using container = await background(store(), "", [
      "sh",
      "-c",
      "trap 'exit 6' USR1; cat; echo end of input; while :; do sleep 0.1; done",
    ]);
    const client = store().start(["attach", container.id]);
    client.write("nobody reads this\n");
    await until("the program to have read", async () => {
      const { stdout } = await store().succeed(["logs", container.id]);
      return stdout === "end of input\n" || undefined;
    });
    const attached = `events --stream=false --filter event=attach --filter container=${container.id}`;
    await until("a client that is connected", async () => {
      const { stdout } = await store().succeed(attached.split(" "));
      return stdout !== "" || undefined;
    });
    await store().succeed(["kill", "--signal", "USR1", container.id]);
    expect((await client.ended).status).toBe(6);
  });

  it("passes signals on, or keeps them with --sig-proxy=false", async () => {
    await using container = await background(store(), "-i", [
      "sh",
      "-c",
      `trap 'exit 9' TERM; ${echo[2]}`,
    ]);
    const own = await connected(store().start(["attach", "--sig-proxy=false", container.id]));
    own.child.kill("SIGTERM");
    const { status } = await own.ended;
    expect(status).toBe(143);
    const proxied = await connected(store().start(["attach", container.id]));
    proxied.child.kill("SIGTERM");
    // The shell's trap runs when its read has returned.
    proxied.write("on\n");
    expect((await proxied.ended).status).toBe(9);
  });

  it("ends when nobody reads its output any more, and the container goes on", async () => {
    await using container = await background(store(), "-i", echo);
    const client = await connected(store().start(["attach", container.id]));
    client.child.stdout?.destroy();
    const other = store().start(["attach", container.id]);
    const ended = within(patience, "the client to end", client.ended);
    await until("output that nobody reads", async () => {
      other.write("more\n");
      return (await Promise.race([ended, Promise.resolve(undefined)])) ?? undefined;
    });
    expect((await ended).status).toBe(141);
    other.write("end\n");
    expect((await other.ended).status).toBe(4);
  });

  it("is refused for a container that does not run, with the remedy", async () => {
    await store().succeed("run --network none --name over busybox true".split(" "));
    const { status, stderr } = await store().run(["attach", "over"]);
    expect(status).toBe(125);
    expect(stderr).toContain("attach to container over: it does not run");
    expect(stderr).toContain("tsman start --attach over");
    await store().succeed(["rm", "over"]);
  });

  it("is refused for a container that does not exist", async () => {
    const { status, stderr } = await store().run(["attach", "no-such"]);
    expect(status).toBe(125);
    expect(stderr).toContain("no-such");
  });
});

describe("attach on a terminal", () => {
  const prompt = /\/ # (?:\x1b\[6n)?$/;

  it("shows the program's terminal, leaves with the detach keys, and comes back", async () => {
    await using container = await background(store(), "-it", ["sh"]);
    const first = store().terminal(["attach", container.id], { rows: 33, columns: 111 });
    await until("the shell to answer", () => {
      first.type("\n");
      return prompt.test(first.screen.text) || undefined;
    });
    first.type("x=kept\n");
    // The size comes when it likes.
    await until("the terminal's size", () => {
      first.type("stty size\n");
      return first.screen.text.includes("33 111\r\n") || undefined;
    });
    first.type("\x10\x11");
    expect((await first.exited).status).toBe(0);
    const second = store().terminal(["attach", "--detach-keys", "ctrl-x", container.id]);
    await until("the shell to answer again", () => {
      second.type("\n");
      return prompt.test(second.screen.text) || undefined;
    });
    second.type('echo "[$x]"\n');
    await second.screen.until(/\[kept\]\r\n/);
    second.type("\x18");
    expect((await second.exited).status).toBe(0);
    expect(statusOf(container.pid).Name).toBe("sh");
  });

  it("ends with the program's status", async () => {
    await using container = await background(store(), "-it", ["sh"]);
    const terminal = store().terminal(["attach", container.id]);
    await until("the shell to answer", () => {
      terminal.type("\n");
      return prompt.test(terminal.screen.text) || undefined;
    });
    terminal.type("exit 5\n");
    expect((await terminal.exited).status).toBe(5);
  });
});

describe("a foreground container", () => {
  it("can be attached to as well, and sees both", async () => {
    const run = store().start(
      "run --rm -i --network none --name shared busybox".split(" ").concat(echo),
    );
    await connected(run);
    const client = await connected(store().start(["attach", "shared"]));
    client.write("end\n");
    const [ran, attached] = await within(
      patience,
      "both to end",
      Promise.all([run.ended, client.ended]),
    );
    expect([ran.status, attached.status]).toEqual([4, 4]);
    expect(ran.stdout).toMatch(/<here>\n<here>\n<end>\n$/);
  });
});

it("passes much output on to a client that reads, without losing any", async () => {
  await using container = await background(store(), "-i", [
    "sh",
    "-c",
    "read line; dd if=/dev/zero bs=64k count=800 2>/dev/null",
  ]);
  // Read by another process than this one, which has other things to do as well.
  const script = '"$0" attach "$1" | wc -c';
  const client = store().start(["-c", script, tsmanPath, container.id], { program: "sh" });
  client.write("go\n");
  expect((await client.ended).stdout.trim()).toBe(String(800 * 65_536));
});
