import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isAlive, statusOf } from "../support/proc.ts";
import { patience, until, within } from "../support/wait.ts";
import { background } from "./in-container.ts";
import { type TestStore, useStore } from "./support.ts";

const store = useStore();

/** Status words of what happened to a container, in order. */
async function statuses(from: TestStore, name: string): Promise<string> {
  const argv = ["events", "--stream=false", "--filter", `container=${name}`];
  const { stdout } = await from.succeed([...argv, "--format", "{{.Status}}"]);
  return stdout.trim().split("\n").join(" ");
}

describe("events", () => {
  it("tell the life of a container in the foreground", async () => {
    const argv = "run --rm --name short --network none busybox sh -c".split(" ");
    expect((await store().run([...argv, "exit 3"])).status).toBe(3);
    expect(await statuses(store(), "short")).toMatch(/^create init start (?:attach )?died remove$/);
    const { stdout } = await store().succeed(
      "events --stream=false --filter container=short --filter event=died --format json".split(" "),
    );
    expect(JSON.parse(stdout)).toMatchObject({
      Type: "container",
      Status: "died",
      Name: "short",
      Image: "localhost/busybox:latest",
      ContainerExitCode: 3,
    });
  });

  it("tell the life of one in the background, with its labels, after tsman has gone", async () => {
    await store().succeed(
      "run -d --name long --label tier=front --network none busybox sleep 1000".split(" "),
    );
    await store().succeed(["kill", "--signal", "USR1", "long"]);
    await store().succeed(["stop", "--time", "0", "long"]);
    await store().succeed(["rm", "long"]);
    expect(await statuses(store(), "long")).toBe("create init start kill died stop remove");
    const { stdout } = await store().succeed(
      "events --stream=false --filter label=tier=front --format {{.Status}}".split(" "),
    );
    expect(stdout.trim().split("\n")).toHaveLength(7);
  });

  it("of a monitor that was killed end without its container's death", async () => {
    await using container = await background(store(), "--name lost");
    const monitor = Number(statusOf(container.pid).PPid);
    process.kill(monitor, "SIGKILL");
    await until("the container to end", () => (isAlive(container.pid) ? undefined : true));
    expect(await statuses(store(), "lost")).toBe("create init start");
  });

  it("of volumes and images are there too", async () => {
    await store().succeed("run --rm -v data:/data --network none busybox true".split(" "));
    const { stdout } = await store().succeed(
      "events --stream=false --filter type=volume --format {{.Status}}:{{.Name}}".split(" "),
    );
    expect(stdout).toBe("create:data\n");
  });

  it("are followed as they happen, and Ctrl-C ends that with 0", async () => {
    const argv = "events --filter container=seen --format {{.Status}} --since 1h".split(" ");
    const following = store().start(argv);
    await store().succeed("run --rm --name seen --network none busybox true".split(" "));
    await following.stdout.until("died");
    await following.stdout.until("remove");
    following.child.kill("SIGINT");
    expect((await following.ended).status).toBe(0);
  });

  it("are followed up to a moment", async () => {
    const { status } = await within(
      patience,
      "events to end by itself",
      store().run(["events", "--until", "100ms"]),
    );
    expect(status).toBe(0);
  });

  it("that are damaged are left out, and said to be", async () => {
    const file = join(store().root, "events");
    await store().succeed("run --rm --name whole --network none busybox true".split(" "));
    const intact = readFileSync(file, "utf8").trimEnd().split("\n").at(-1) ?? "";
    // A write that a full disk cut, the next event right behind it, and plain rubbish.
    appendFileSync(file, `${intact.slice(0, 40)}${intact}\n{"time":"x"}\n\0\n`);
    const { stdout, stderr } = await store().succeed(
      "events --stream=false --filter container=whole --format {{.Status}}".split(" "),
    );
    expect(stdout.trim().split("\n").slice(-2)).toEqual(["remove", "remove"]);
    expect(stderr).toContain("2 damaged lines left out");
  });
});
