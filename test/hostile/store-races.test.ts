import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { registry, TestStore } from "../integration/support.ts";

// S104: what one command has looked up, another takes away before it is used.
const words = (text: string) => text.split(" ");
const rounds = 4;

/** What may end a command when others remove what it works on: told, and nothing half-done. */
const lost =
  /not in the local store|was removed in the meantime|used by container|no such|is running/;

it("pulls, tags, runs and removals of the same images at once leave a store in which all is well", async () => {
  await using store = await TestStore.create();
  const [a, b] = ["shared-base-a", "shared-base-b"].map((name) => `${registry()}/${name}`);
  const attempt = async (text: string): Promise<void> => {
    const { status, stderr } = await store.run(words(text), { timeout: 300_000 });
    if (status !== 0 && !lost.test(stderr)) throw new Error(`${text}: ${status}: ${stderr}`);
  };
  const worker = async (commands: readonly string[]): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      for (const command of commands) await attempt(command);
    }
  };
  await Promise.all([
    worker([`pull --quiet ${a}`, `rmi ${a}`]),
    worker([`run --rm --quiet --network none ${a} true`, `tag ${a} kept`]),
    worker([`pull --quiet ${b}`, `rmi --force ${b}`]),
    worker([`run --rm --quiet --network none ${b} true`, "image prune --all --force"]),
  ]);
  // Whoever was beaten in the end leaves what it had to the next command that removes.
  await store.succeed(words("image prune --force"));
  expect(await store.run(["system", "check", "--max", "0s"], { timeout: 300_000 })).toMatchObject({
    status: 0,
    stdout: "",
    stderr: "",
  });
  await store.succeed(words("rmi --all --force"));
  const keyed = readdirSync(join(store.root, "layers"));
  expect(keyed.flatMap((key) => readdirSync(join(store.root, "layers", key)))).toEqual([]);
  expect(readdirSync(join(store.root, "blobs/sha256"))).toEqual([]);
  expect((await store.succeed(words("ps --all --quiet"))).stdout).toBe("");
}, 900_000);
