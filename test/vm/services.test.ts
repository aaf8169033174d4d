import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Machine, openMachine, requiresMachine, type Step } from "./machine.ts";

let machine: Machine;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(async () => await machine[Symbol.asyncDispose]());

const succeeded = (step: Step): string => {
  expect(step.stderr).toBe("");
  expect(step.status).toBe(0);
  return step.stdout;
};

/** Waits until a command succeeds; whatever comes of it is seen in what follows. */
const awaits =
  'awaits() { for i in $(seq 60); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; }';

/** Not everybody may read the journal; who has just got into the group needs sg(1) for it. */
const mayRead = "usermod -aG systemd-journal tester";

describe("with systemd's journal", () => {
  it("--log-driver journald writes there, and logs reads it", async (context) => {
    requiresMachine(context);
    const step = await machine.run(
      `
      ${awaits}
      reading() { sg systemd-journal -c "$*"; }
      has() { reading journalctl --quiet --output cat "CONTAINER_NAME=$1" | grep -q "$2"; }
      options="--network none --log-driver journald --log-opt tag=mine"
      step run $T run --quiet --name noted $options busybox sh -c 'echo out; echo err >&2; head -c 20000 /dev/zero | tr "\\\\0" x; printf end'
      awaits has noted end
      step logs reading $T logs noted
      step tail reading $T logs --tail 1 --timestamps noted
      step entries reading journalctl --quiet --output json CONTAINER_NAME=noted
      step driver $T inspect --format '{{.HostConfig.LogConfig.Type}}' noted
      $T run -d --name goes-on --stop-timeout 0 $options busybox sh -c 'echo one; until [ -e /two ]; do sleep 0.1; done; echo two; exec sleep 1000' >/dev/null
      awaits has goes-on one
      reading timeout 120 $T logs --follow goes-on >/tmp/followed & follower=$!
      awaits grep -q one /tmp/followed
      $T exec goes-on touch /two
      awaits grep -q two /tmp/followed
      $T rm --force --time 0 goes-on >/dev/null
      wait $follower
      step followed cat /tmp/followed
      step gone $T rm noted
    `,
      { rootPre: mayRead },
    );
    const run = step("run");
    expect(run).toMatchObject({ status: 0, stderr: "err\n" });
    const logs = step("logs");
    expect(logs).toMatchObject({ status: 0, stderr: "err\n" });
    // To the byte: the last line has no end.
    expect(logs.stdout).toBe(run.stdout);
    expect(succeeded(step("tail"))).toMatch(/^\d{4}-\d\d-\d\dT\S+ x*end$/);
    const entries = succeeded(step("entries"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries[0]).toMatchObject({
      ...{ MESSAGE: "out", PRIORITY: "6", SYSLOG_IDENTIFIER: "mine", CONTAINER_NAME: "noted" },
    });
    expect(entries[1]).toMatchObject({ MESSAGE: "err", PRIORITY: "3" });
    expect(succeeded(step("driver"))).toBe("journald\n");
    expect(succeeded(step("followed"))).toBe("one\ntwo\n");
    expect(step("gone").status).toBe(0);
  });
});

describe("the printed unit", () => {
  it("starts what should be up, in groups that its own end leaves alone", async (context) => {
    requiresMachine(context);
    const step = await machine.run(`
      ${awaits}
      $T run -d --name wanted --network none --stop-timeout 0 --restart always busybox sleep 1000 >/dev/null
      $T run -d --name kept --network none --stop-timeout 0 --restart unless-stopped busybox sleep 1000 >/dev/null
      $T run -d --name plain --network none --stop-timeout 0 busybox sleep 1000 >/dev/null
      # What a crash of the machine leaves.
      for file in $XDG_RUNTIME_DIR/tsman/*/monitor; do kill -9 $(cut -d' ' -f1 $file); done
      none() { [ -z "$($T ps --quiet)" ]; }
      awaits none
      step before $T ps --all --format '{{.Status}}'
      mkdir -p ~/.config/systemd/user
      $T system start-enabled --print-unit >~/.config/systemd/user/tsman.service
      step verify systemd-analyze --user verify ~/.config/systemd/user/tsman.service
      step enable systemctl --user enable tsman.service
      step start systemctl --user start tsman.service
      step up $T ps --format '{{.Names}} {{.State}}' --sort names
      step group $T inspect --format '{{.State.CgroupPath}}' wanted
      step stop systemctl --user stop tsman.service
      step still $T ps --format '{{.Names}} {{.State}}' --sort names
      step again systemctl --user start tsman.service
      step removed $T rm --force --time 0 --all
    `);
    expect(succeeded(step("before"))).toBe("Exited (unknown)\n".repeat(3));
    expect(step("verify")).toMatchObject({ status: 0 });
    expect(step("enable").status).toBe(0);
    succeeded(step("start"));
    expect(succeeded(step("up"))).toBe("kept running\nwanted running\n");
    expect(succeeded(step("group"))).toMatch(/\/tsman-[0-9a-f]{64}\.scope\/container\n$/);
    succeeded(step("stop"));
    expect(succeeded(step("still"))).toBe("kept running\nwanted running\n");
    succeeded(step("again"));
    expect(step("removed").status).toBe(0);
  });
});
