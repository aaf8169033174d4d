import { execFile } from "node:child_process";
import { chown, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requires } from "../../support/must-work.ts";
import { tsmanPath } from "../support.ts";

// S21: CVE-2014-8989.  A file that everybody may read but a group says no to that group's members,
// for as long as they cannot leave it.  Takes root, to put an ordinary user into a group.

const execute = promisify(execFile);
const user = process.env.TSMAN_TEST_USER;
const home = process.env.TSMAN_TEST_USER_HOME;
const isReady = user !== undefined && home !== undefined;
/** Of nobody else. */
const group = 987_654;
let directory = "";

beforeAll(async () => {
  if (!isReady) return;
  directory = await mkdtemp(join(home, "denied-"));
  const { uid, gid } = await stat(home);
  await chown(directory, uid, gid);
  await writeFile(join(directory, "file"), "secret\n", { mode: 0o604 });
  await chown(join(directory, "file"), 0, group);
});
afterAll(async () => {
  if (directory === "") return;
  await asMember(`${tsmanPath} system reset --force`);
  await rm(directory, { recursive: true, force: true });
});

/** Runs a script as the ordinary user, a member of that group; what it printed. */
async function asMember(script: string): Promise<string> {
  const { uid, gid } = await stat(home ?? "");
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${gid},${group}`];
  const { stdout } = await execute("setpriv", [...ids, "sh", "-c", `exec 2>&1; ${script}`], {
    cwd: "/",
    env: {
      PATH: process.env.PATH,
      HOME: home,
      USER: user,
      TSMAN_ROOT: join(directory, "data"),
      TSMAN_RUNTIME_DIR: join(directory, "run"),
    },
  });
  return stdout;
}

describe("a group that is denied what others may", () => {
  it("is not left in a container whose ids nobody has granted", async (context) => {
    requires(context, isReady, "there is no ordinary user");
    // su(1) sets the groups of whom it becomes (initgroups(3)).
    const look = "cat /file; su root -c 'cat /file'";
    const run = `${tsmanPath} run --rm --quiet --network none -v ${directory}/file:/file`;
    // One id each: the caller's own, which takes no newgidmap.
    const stdout = await asMember(
      `cat ${directory}/file; ${run} --uidmap 0:0:1 --gidmap 0:0:1 busybox sh -c "cat /proc/self/setgroups; ${look}"; true`,
    );
    expect(stdout).toContain("deny\n");
    expect(stdout).not.toContain("secret");
    expect(stdout).toMatch(/set groups|initgroups|setgroups/);
  });
});
