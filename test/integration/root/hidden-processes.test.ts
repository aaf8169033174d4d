import { execFile } from "node:child_process";
import { chown, mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { requires } from "../../support/must-work.ts";
import { tsmanPath } from "../support.ts";

// proc(5), hidepid: as hosts of many users have /proc, a process that may not be traced is not seen,
// not even by whoever has started it.  Takes root, to mount one.

const execute = promisify(execFile);
const home = process.env.TSMAN_TEST_USER_HOME;
let directory = "";

beforeAll(async () => {
  if (home === undefined) return;
  directory = await mkdtemp(join(home, "hidden-"));
  const { uid, gid } = await stat(home);
  await chown(directory, uid, gid);
});
afterAll(async () => {
  if (directory === "") return;
  await asUser(`${tsmanPath} system reset --force`);
  await rm(directory, { recursive: true, force: true });
});

/** Runs a script as the ordinary user; what it printed. */
async function asUser(script: string): Promise<string> {
  const { uid, gid } = await stat(home ?? "");
  const become = `setpriv --reuid=${uid} --regid=${gid} --clear-groups`;
  const hide = "mount -t proc -o hidepid=invisible proc /proc";
  const words = ["--mount", "sh", "-c", `exec 2>&1; ${hide} && exec ${become} sh -c "$0"`, script];
  const { stdout } = await execute("unshare", words, {
    cwd: "/",
    env: {
      PATH: process.env.PATH,
      HOME: home,
      TSMAN_ROOT: join(directory, "data"),
      TSMAN_RUNTIME_DIR: join(directory, "run"),
    },
  });
  return stdout;
}

it("a container whose processes /proc hides at first is known to run", async (context) => {
  requires(context, home !== undefined, "there is no ordinary user");
  const printed = await asUser(
    `[ -e /proc/1 ] || echo hidden
    tsman="${tsmanPath}"
    $tsman run --detach --quiet --network none --name box busybox sleep 1000 >/dev/null
    $tsman ps --format '{{.Names}} {{.State}}'
    $tsman exec --user 5:6 box id
    $tsman stop --time 0 box
    $tsman inspect --format '{{.State.Status}} {{.State.ExitCode}}' box
    $tsman init box || echo not initialized`,
  );
  expect(printed.split("\n")).toEqual([
    "hidden",
    "box running",
    "uid=5 gid=6 groups=6",
    "box",
    "exited 137",
    expect.stringMatching(
      /^tsman: error: read \/proc\/\d+\/stat: permission denied \(\/proc is mounted with hidepid, which hides the container until its program runs\)$/,
    ),
    expect.stringContaining("hint: "),
    "not initialized",
    "",
  ]);
});
