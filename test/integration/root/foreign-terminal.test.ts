import { chown, mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { requires } from "../../support/must-work.ts";
import { startOnTerminal } from "../../support/pty.ts";
import { tsmanPath } from "../support.ts";

// After su(1) the terminal is still that of whoever has logged in: it can be used, and not opened.

const home = process.env.TSMAN_TEST_USER_HOME;
let directory = "";

beforeAll(async () => {
  if (home === undefined) return;
  directory = await mkdtemp(join(home, "terminal-"));
  const { uid, gid } = await stat(home);
  await chown(directory, uid, gid);
});
afterAll(async () => {
  if (directory === "") return;
  await onTerminal("system reset --force");
  await rm(directory, { recursive: true, force: true });
});

/** Runs `tsman ARGS` as the ordinary user on root's terminal; what is on the screen at its end. */
async function onTerminal(args: string) {
  const { uid, gid } = await stat(home ?? "");
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  const terminal = startOnTerminal("setpriv", [...ids, tsmanPath, ...args.split(" ")], {
    cwd: "/",
    rows: 33,
    columns: 99,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      TSMAN_ROOT: join(directory, "data"),
      TSMAN_RUNTIME_DIR: join(directory, "run"),
    },
  });
  const { status } = await terminal.exited;
  return { status, screen: terminal.screen.text };
}

it("a container has the size of a terminal that is another user's", async (context) => {
  requires(context, home !== undefined, "there is no ordinary user");
  const run = "run --rm -it --quiet --network none busybox stty size";
  const { status, screen } = await onTerminal(run);
  expect(screen).toContain("33 99");
  expect(status).toBe(0);
});
