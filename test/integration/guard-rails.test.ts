import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { useStore } from "./support.ts";

const store = useStore();
let home: string;

beforeAll(() => {
  home = join(store().scratch, "home");
  mkdirSync(join(home, ".ssh"), { recursive: true });
  mkdirSync(join(home, "work"));
  symlinkSync(".ssh", join(home, "link"));
});

/** What is said of a run with this home and these options. */
async function said(...options: readonly string[]): Promise<string> {
  const args = ["run", "--rm", "--quiet", "--network=none", ...options, "busybox", "true"];
  return (await store().succeed(args, { env: { HOME: home } })).stderr;
}

it("a mount of the home or of keys in it is warned of once, a mount of work is not", async () => {
  expect((await said("--volume", `${home}:/h`)).match(/your whole home/g)).toHaveLength(1);
  const keys = await said("--volume", `${home}/link:/k:ro`);
  expect(keys).toMatch(/^tsman: warning: mount .*\/link on \/k: the container may read your SSH/);
  expect(keys.trim().split("\n")).toHaveLength(1);
  expect(await said("--volume", `${home}/work:/w`)).toBe("");
});

it("the warnings are silenced for one run or for all", async () => {
  const volume = ["--volume", `${home}:/h`];
  expect(await said("--quiet-guards", ...volume)).toBe("");
  store().configure("[security]", "quiet_guards = true");
  expect(await said(...volume)).toBe("");
});
