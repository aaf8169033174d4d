import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { useStore } from "./support.ts";
import { directoriesOf, expectNothingRuns } from "./traces.ts";

const store = useStore();

afterEach(async () => {
  await store().succeed(["rm", "--force", "--time", "0", "--all"]);
  await expectNothingRuns(store());
  expect(directoriesOf(store())).toEqual([]);
});

/** Long enough for fifty starts on a slow machine: what is looked for is a deadlock. */
const patience = { timeout: 110_000 };

it("fifty run --rm at once each give their own result, in a store that is new", async () => {
  const runs = Array.from({ length: 50 }, async (_, index) => {
    const script = `echo out-${index}; exit ${index}`;
    const args = ["run", "--rm", "--network", "none", "busybox", "sh", "-c", script];
    const { status, stdout, ...result } = await store().run(args, patience);
    // One of them unpacks the image, for all, which is told as it goes on.
    const stderr = result.stderr.replace(/^Layer .*\n/gm, "");
    expect({ status, stdout, stderr }).toEqual({
      status: index,
      stdout: `out-${index}\n`,
      stderr: "",
    });
  });
  await Promise.all(runs);
  expect((await store().succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
  expect(readdirSync(join(store().root, "gone"))).toEqual([]);
});

it("twenty run --rm of one name: one at a time has it, and all of them end", async () => {
  const runs = Array.from({ length: 20 }, async () => {
    const args = "run --rm --network none --name only busybox echo mine".split(" ");
    return await store().run(args, patience);
  });
  const results = await Promise.all(runs);
  const winners = results.filter(({ status }) => status === 0);
  expect(winners.length).toBeGreaterThan(0);
  expect(winners.map(({ stdout }) => stdout)).toEqual(winners.map(() => "mine\n"));
  for (const { status, stdout, stderr } of results.filter((one) => !winners.includes(one))) {
    expect(stderr).toMatch(/the name is in use by container [0-9a-f]{12}/);
    expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
  }
  await store().succeed("run --rm --network none --name only busybox true".split(" "));
});

it("rm --force against start against exec: each says what it met, and the name is free", async () => {
  for (let round = 0; round < 6; round += 1) {
    await store().succeed("create --name raced --network none busybox sleep 1000".split(" "));
    const [start, exec, again, removal] = await Promise.all([
      store().run(["start", "raced"]),
      store().run(["exec", "raced", "echo", "in"]),
      store().run(["exec", "raced", "echo", "in"]),
      store().run(["rm", "--force", "--time", "0", "raced"]),
    ]);
    expect(removal.status).toBe(0);
    if (start.status !== 0) expect(start.stderr).toMatch(/no such container|has removed it/);
    for (const { status, stdout, stderr } of [exec, again]) {
      if (status === 0) expect(stdout).toBe("in\n");
      // Killed with its container, or too early, or too late.
      else if (status !== 137) {
        expect(stderr).toMatch(
          /does not run|no such container|it has ended|has removed it|is ending/,
        );
      }
    }
    expect((await store().succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
    expect(directoriesOf(store())).toEqual([]);
  }
});
