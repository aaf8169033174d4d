import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { until } from "../support/wait.ts";
import { background } from "./in-container.ts";
import { useStore } from "./support.ts";

const store = useStore();

async function finished(name: string, script: string, ...options: string[]): Promise<string> {
  const argv = ["run", "--network", "none", "--name", name, ...options, "busybox", "sh", "-c"];
  await store().succeed([...argv, script]);
  return (await store().succeed(["inspect", "--format", "{{.Id}}", name])).stdout.trim();
}

describe("logs", () => {
  it("--follow ends with the container and not before its last line", async () => {
    const script = "read x; i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done";
    const running = store().start([
      "run",
      "-i",
      "--network",
      "none",
      "--name",
      "talk",
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    await until("the container to be there", async () => {
      const { stdout } = await store().run(["ps", "-q", "--filter", "name=talk"]);
      return stdout === "" ? undefined : true;
    });
    const following = store().start(["logs", "--follow", "talk"]);
    running.write("go\n");
    running.endInput();
    const { status, stdout } = await following.ended;
    expect(status).toBe(0);
    expect(stdout.split("\n").slice(-2)).toEqual(["line 2999", ""]);
    await running.ended;
    await store().succeed(["rm", "talk"]);
  });

  it("--follow loses nothing when the log is rotated under it", async () => {
    // Some 3.5 MB in files of 100 kB each.
    const line = `printf "%06d ${"x".repeat(100)}\\n", i`;
    const script = `read x; awk 'BEGIN { for (i = 1; i <= 25000; i++) ${line} }'`;
    const options = "--log-opt max-size=100k --log-opt max-file=60 --name roll".split(" ");
    const argv = ["run", "-i", "--network", "none", ...options, "busybox", "sh", "-c", script];
    const running = store().start(argv);
    await until("the container to be there", async () => {
      const { stdout } = await store().run(["ps", "-q", "--filter", "name=roll"]);
      return stdout === "" ? undefined : true;
    });
    const following = store().start(["logs", "--follow", "roll"]);
    running.write("go\n");
    running.endInput();
    const { stdout } = await following.ended;
    const numbers = stdout
      .trimEnd()
      .split("\n")
      .map((line) => Number(line.slice(0, 6)));
    expect(numbers).toEqual(Array.from({ length: 25_000 }, (_, index) => index + 1));
    await running.ended;
    const read = await store().succeed(["logs", "--tail", "24000", "roll"]);
    expect(read.stdout.split("\n").slice(0, -1)).toHaveLength(24_000);
    await store().succeed(["rm", "roll"]);
  });

  it("of several containers are one sequence in time", async () => {
    const first = await finished("one", "echo a; echo b >&2");
    const second = await finished("two", "printf part; printf 'ed\\n'");
    const [a, b] = [first.slice(0, 12), second.slice(0, 12)];
    expect(await store().succeed(["logs", "two", "one"])).toMatchObject({
      stdout: `${a} a\n${b} parted\n`,
      stderr: `${a} b\n`,
    });
    const all = await store().succeed(["logs", "--tail", "all", "one"]);
    expect(all.stdout).toBe((await store().succeed(["logs", "one"])).stdout);
    const named = await store().succeed(["logs", "--names", "--tail", "1", "one", "two"]);
    expect(named.stdout).toBe("two parted\n");
    const missing = await store().run(["logs", "two", "nope"]);
    expect(missing).toMatchObject({ status: 125, stdout: `${b} parted\n` });
    await store().succeed(["rm", "one", "two"]);
  });

  it("--follow of several ends with the last of them", async () => {
    const start = async (name: string, script: string): Promise<void> => {
      const argv = ["run", "-d", "--network", "none", "--name", name, "busybox", "sh", "-c"];
      await store().succeed([...argv, script]);
    };
    await start("early", "echo first");
    await start("late", "trap 'echo ended; exit' TERM; echo begun; while :; do sleep 0.1; done");
    const following = store().start(["logs", "--follow", "--names", "early", "late"]);
    await following.stdout.until("late begun");
    await store().succeed(["stop", "late"]);
    const { status, stdout } = await following.ended;
    expect(status).toBe(0);
    expect(stdout.split("\n").sort()).toEqual(["", "early first", "late begun", "late ended"]);
    await store().succeed(["rm", "early", "late"]);
  });

  it("of a container without a log are refused, with the driver", async () => {
    await finished("mute", "echo a", "--log-driver", "none");
    const { status, stderr } = await store().run(["logs", "mute"]);
    expect(status).toBe(125);
    expect(stderr).toContain("its log driver is none");
    await store().succeed(["rm", "mute"]);
  });

  it("--since takes a time that --timestamps printed", async () => {
    await finished("timed", "echo a; sleep 1; echo b");
    const all = (await store().succeed(["logs", "--timestamps", "timed"])).stdout.split("\n");
    const time = all[1]?.split(" ")[0] ?? "";
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    expect((await store().succeed(["logs", "--since", time, "timed"])).stdout).toBe("b\n");
    expect((await store().succeed(["logs", "--until", time, "timed"])).stdout).toBe("a\n");
    await store().succeed(["rm", "timed"]);
  });

  it("--follow goes on when the restart policy starts the container again", async () => {
    const script = "echo life; [ -e /again ] && exit 0; touch /again; exit 1";
    const { stdout } = await store().succeed([
      ..."run -d --network none --name again --restart on-failure:3 busybox sh -c".split(" "),
      script,
    ]);
    const followed = await store().succeed(["logs", "--follow", stdout.trim()]);
    expect(followed.stdout).toBe("life\nlife\n");
    await store().succeed(["rm", "--force", "--time", "0", "again"]);
  });

  it("--follow of a container that is removed ends", async () => {
    await using container = await background(store(), "--name away", [
      ...["sh", "-c", "echo here; sleep 1000"],
    ]);
    const following = store().start(["logs", "--follow", "away"]);
    await following.stdout.until("here");
    await store().succeed(["rm", "--force", "--time", "0", "away"]);
    expect((await following.ended).status).toBe(0);
    expect(existsSync(join(store().root, "containers", container.id))).toBe(false);
  });
});
