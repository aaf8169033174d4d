import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { statusOf } from "../support/proc.ts";
import { until } from "../support/wait.ts";
import { useStore } from "./support.ts";

const store = useStore();

it("wait has the status of a program that is over before its monitor has written that down", async () => {
  const args = "run --detach --network none --name victim busybox sleep 1000".split(" ");
  const id = (await store().succeed(args)).stdout.trim();
  const pidIn = (name: string) =>
    Number(readFileSync(join(store().runtimeDir, id, name), "utf8").split(" ")[0]);
  const [init, monitor] = [pidIn("init"), pidIn("monitor")];
  process.kill(monitor, "SIGSTOP");
  try {
    process.kill(init, "SIGKILL");
    await until("the program to end", () => statusOf(init).State?.startsWith("Z") || undefined);
    const waiting = [
      ["wait", "victim"],
      ["wait", "--condition=healthy", "victim"],
    ].map((words) => store().start(words));
    // Longer than a command takes, so that they have had their first look.
    for (let i = 0; i < 3; i++) await store().succeed(["ps", "--all"]);
    process.kill(monitor, "SIGCONT");
    const [end, health] = await Promise.all(waiting.map(({ ended }) => ended));
    expect(end).toMatchObject({ status: 0, stderr: "", stdout: "137\n" });
    expect(health?.stderr).toContain("it has ended, with status 137");
  } finally {
    process.kill(monitor, "SIGCONT");
  }
  await store().succeed(["rm", "victim"]);
});
