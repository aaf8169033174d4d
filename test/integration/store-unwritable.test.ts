import { mkdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { TestStore, tsmanPath } from "./support.ts";
import { runShell, type ShellResult } from "./wrapped.ts";

/**
 * Runs a shell script with a store on a tmpfs of 8 MiB, in a user namespace of one id, as the mount
 * needs no more.  `t` is tsman; `fill` takes every byte that is left.
 */
async function onSmallDisk(script: string): Promise<ShellResult> {
  await using store = await TestStore.create();
  await mkdir(store.root, { mode: 0o700 });
  const prelude = `
t() { "${tsmanPath}" "$@"; }
fill() { cat /dev/zero >>"$TSMAN_ROOT/fill" 2>/dev/null; }
# As the last one to use a store closes it: the log goes into the database, and then it goes.
settle() {
  "${process.execPath}" -e 'const { DatabaseSync } = require("node:sqlite");
    const database = new DatabaseSync(process.argv[1]);
    database.prepare("PRAGMA user_version").get();
    database.close()' "$TSMAN_ROOT/store.db"
}
mount -t tmpfs -o size=8m,mode=700 none "$TSMAN_ROOT" || exit 99
t run --name first --network none busybox echo ran || exit 98
`;
  return await runShell(store, prelude + script);
}

const statusOf = (command: string): string => `${command}; echo "status $?"`;

describe.each([
  ["a store as commands leave it", "fill"],
  ["a store that was closed", "settle; fill"],
])("on a file system that is full to the last byte, %s", (_, settled) => {
  it("can be looked at", async () => {
    const { stdout, stderr } = await onSmallDisk(`
${settled}
t ps --all --format '{{.Names}}' && t images --format '{{.Repository}}' &&
  t inspect --format '{{.Name}}' first && t logs first && t info >/dev/null && echo done
t doctor --json >/dev/null 2>&1; echo "doctor $?"
`);
    expect(stderr).not.toMatch(/error/);
    expect(stdout.split("\n").slice(-6)).toEqual([
      "localhost/busybox",
      "first",
      "ran",
      "done",
      "doctor 1",
      "",
    ]);
  });

  it("says so to what would write", async () => {
    const { stdout, stderr } = await onSmallDisk(
      `${settled}\n${statusOf("t run --rm --network none busybox true")}`,
    );
    expect(stdout).toMatch(/status 125\n$/);
    expect(stderr).toMatch(/no space left on device/);
    expect(stderr).toMatch(/hint: .*tsman rmi/);
  });

  it("makes room when something is removed, again and again", async () => {
    const { stdout, stderr } = await onSmallDisk(`
t run --name second --network none busybox true
${settled}
${statusOf("t rm first")}
fill
${statusOf("t rm second")}
fill
${statusOf("t rmi busybox")}
rm "$TSMAN_ROOT/fill"
t ps --all --quiet
t run --rm --network none busybox echo works
`);
    expect(stderr).not.toMatch(/error/);
    expect(stdout.match(/status \d+/g)).toEqual(["status 0", "status 0", "status 0"]);
    expect(stdout).toMatch(/\nworks\n$/);
  });
});

describe("a container whose store is full meanwhile", () => {
  // Lines that are longer than what is left of a page; the second is longer than a pipe holds, so
  // that its beginning has been logged, or not, when it is said.
  const command = `sh -c 'exec 3<>/go/on
    for i in 1 2 3; do
      printf "line $i %0$((i == 2 ? 300000 : 5000))d\\n" 0; touch /go/said-$i; read -r x <&3
    done; exit 7'`;
  const begin = `
mkdir go && mkfifo go/on
t run --detach --name runs --network none --volume "$PWD/go:/go" busybox ${command}
on() { echo >go/on; }
logged() { until t logs runs | grep -q "$1"; do sleep 0.1; done; }
logged "line 1"
fill`;

  it("ends with a status that is known", async () => {
    const { stdout, stderr } = await onSmallDisk(`${begin}
on; on; on
t wait runs
t ps --all --filter name=runs --format '{{.Status}}'
rm "$TSMAN_ROOT/fill"
t start runs && t ps --format '{{.Names}}'
t kill runs
t wait runs
`);
    expect(stderr).not.toMatch(/error/);
    expect(stdout).toMatch(/\n7\nExited \(7\)[^\n]*\nruns\nruns\nruns\n137\n$/);
  });

  it("is logged again when there is room, without half a line", async () => {
    const { stdout, stderr } = await onSmallDisk(`${begin}
on
until [ -e go/said-2 ]; do sleep 0.1; done
rm "$TSMAN_ROOT/fill"
on
logged "line 3"
on
t wait runs
t logs runs
`);
    expect(stderr).not.toMatch(/error/);
    expect(stdout).toMatch(/\n7\nline 1 0{5000}\nline 3 0{5000}\n$/);
  });
});

describe("a store on a file system that is mounted read-only", () => {
  it("can be looked at, and says why nothing runs", async () => {
    const { stdout, stderr } = await onSmallDisk(`
mount -o remount,bind,ro "$TSMAN_ROOT" || exit 97
t ps --all --format '{{.Names}}' && t images --format '{{.Repository}}' &&
  t inspect --format '{{.Name}}' first && t info >/dev/null && echo done
${statusOf("t run --rm --network none busybox true")}
${statusOf("t rm first")}
`);
    expect(stdout.split("\n").slice(-7)).toEqual([
      "first",
      "localhost/busybox",
      "first",
      "done",
      "status 125",
      "status 125",
      "",
    ]);
    const errors = stderr.split("\n").filter((line) => line.startsWith("tsman: error"));
    expect(errors).toHaveLength(2);
    for (const error of errors) expect(error).toMatch(/read-only file system/i);
  });
});
