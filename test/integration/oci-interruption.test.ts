import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { commandLineOf, findProcesses } from "../support/proc.ts";
import { patience, Transcript, until, within } from "../support/wait.ts";
import { byNode, OciBundles } from "./oci-bundles.ts";
import { useStore } from "./support.ts";

const store = useStore();
let oci: OciBundles;

beforeAll(() => {
  oci = new OciBundles(store());
});

/** A program in a hook that does not end, found by its words. */
const held = (id: string) => ({ path: "/bin/sleep", args: ["sleep", `1000.${id}`] });

/** Whether one of the processes of this machine has this word. */
function isRunning(word: string): boolean {
  return findProcesses((pid) => commandLineOf(pid).includes(word)).length > 0;
}

async function runs(words: string): Promise<void> {
  await until(`${words} to run`, async () => (isRunning(words) ? true : undefined));
}

/** A bundle with one hook that hangs, and one for the end that writes `NAME.ended`. */
function hanging(name: string, hook: string, number: string): string {
  return oci.bundle(name, "exec sleep 1000", (config) => {
    const write = ["sh", "-c", `echo ended >${oci.file(`${name}.ended`)}`];
    config.hooks = { poststop: [{ path: "/bin/busybox", args: write }] };
    config.hooks[hook] = [...(config.hooks[hook] ?? []), held(number)];
  });
}

/** Starts it, sends signals in the middle of the hook, and has what it ended with. */
async function interrupt(
  args: readonly string[],
  number: string,
  signals: readonly NodeJS.Signals[],
  wrapper: readonly string[] = [],
): Promise<{ status: number | null; stderr: string }> {
  const child = oci.start(args, wrapper);
  const stderr = new Transcript(child.stderr as NonNullable<typeof child.stderr>);
  child.stdin?.end();
  await runs(`1000.${number}`);
  const ended = once(child, "exit");
  for (const signal of signals) child.kill(signal);
  const [status] = await within(patience, `${args.join(" ")} to end`, ended);
  return { status, stderr: stderr.text };
}

function expectNothingLeft(name: string, number: string): void {
  expect(isRunning(`1000.${number}`), "its hook").toBe(false);
  expect(existsSync(oci.file(`${name}.ended`)), "the hook for its end").toBe(true);
  expect(readdirSync(oci.root)).toEqual([]);
}

describe("who interrupts", () => {
  const hooks = ["createRuntime", "createContainer", "startContainer", "poststart"];

  it.each(
    hooks.flatMap((hook, index) => [
      [hook, "Bun", [], `71${index}`] as const,
      [hook, "Node", byNode, `72${index}`] as const,
    ]),
  )(
    "a run in a hook of %s, for the second time, ends it with all that there is (%s)",
    async (hook, engine, wrapper, number) => {
      const name = `second-${hook}-${engine}`;
      const bundle = hanging(name, hook, number);
      // Of two kinds: of one kind only one may wait.
      const signals = ["SIGINT", "SIGTERM"] as const;
      const { status, stderr } = await interrupt(
        ["run", "--bundle", bundle, name],
        number,
        signals,
        wrapper,
      );
      expect(stderr).toContain("interrupted");
      expect([130, 143]).toContain(status);
      expectNothingLeft(name, number);
    },
  );

  it("a run in a hook after the program's end ends that hook, and the others run", async () => {
    const bundle = oci.bundle("after", "true", (config) => {
      const write = ["sh", "-c", `echo ended >${oci.file("after.ended")}`];
      config.hooks = { poststop: [held("730"), { path: "/bin/busybox", args: write }] };
    });
    const { status, stderr } = await interrupt(["run", "--bundle", bundle, "after"], "730", [
      "SIGTERM",
    ]);
    expect(stderr).toContain("/hooks/poststop/0");
    expect(status).toBe(0);
    expectNothingLeft("after", "730");
  });

  it("a create leaves nothing", async () => {
    const bundle = hanging("creating", "createRuntime", "740");
    const args = ["create", "--bundle", bundle, "creating"];
    const { status, stderr } = await interrupt(args, "740", ["SIGTERM"]);
    expect(stderr).toContain("interrupted");
    expect(status).toBe(1);
    expectNothingLeft("creating", "740");
  });

  it("a start in a hook of the runtime's deletes the container", async () => {
    const bundle = hanging("starting", "poststart", "750");
    await oci.succeed(["create", "--bundle", bundle, "starting"]);
    const { status, stderr } = await interrupt(["start", "starting"], "750", ["SIGTERM"]);
    expect(stderr).toContain("/hooks/poststart/0");
    expect(status).toBe(1);
    expectNothingLeft("starting", "750");
  });
});
