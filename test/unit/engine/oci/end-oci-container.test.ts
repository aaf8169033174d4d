import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { OciContext } from "../../../../src/engine/oci/oci-types.ts";

/** Nobody is signalled, and the moment between two looks at a process is the test's. */
const staged = {
  startTimes: new Map<number, bigint>(),
  pidOf: new Map<number, number>(),
  signalled: [] as number[],
  whenOpened: (_pid: number): void => {},
};
const pidfdModule = "../../../../src/platform/libc/pidfd.ts";
const startTimeModule = "../../../../src/platform/process-start-time.ts";

const hierarchyModule = "../../../../src/cgroup/hierarchy.ts";

type Kill = typeof import("../../../../src/engine/oci/end-oci-container.ts").killOciContainer;
let killOciContainer: Kill;

// Modules are shared with other files of tests: these are loaded anew, and once more after them.
beforeAll(async () => {
  vi.resetModules();
  vi.doMock(pidfdModule, () => ({
    pidfdOpen: (pid: number) => {
      staged.whenOpened(pid);
      const descriptor = openSync("/dev/null", "r");
      staged.pidOf.set(descriptor, pid);
      return descriptor;
    },
    pidfdSendSignal: (descriptor: number) => {
      staged.signalled.push(staged.pidOf.get(descriptor) as number);
      return true;
    },
  }));
  vi.doMock(startTimeModule, () => ({
    processStartTime: (pid: number) => staged.startTimes.get(pid),
    readLife: (pid: number) => {
      const startTime = staged.startTimes.get(pid);
      return startTime && { startTime, isStopped: false, hasExecuted: true, isWaiting: false };
    },
  }));
  vi.doMock(hierarchyModule, async () => ({
    ...(await vi.importActual<typeof import("../../../../src/cgroup/hierarchy.ts")>(
      hierarchyModule,
    )),
    isGroup: () => true,
  }));
  ({ killOciContainer } = await import("../../../../src/engine/oci/end-oci-container.ts"));
});
afterAll(() => {
  vi.doUnmock(pidfdModule);
  vi.doUnmock(startTimeModule);
  vi.doUnmock(hierarchyModule);
  vi.resetModules();
});

const init = 40;
const record = {
  ociVersion: "1.2.0",
  id: "c",
  bundle: "/",
  rootfs: "/",
  created: "2026-01-01T00:00:00Z",
  owner: "",
  annotations: {},
  walls: { bounding: "0", noNewPrivileges: false, hasFilter: false },
  hasOwnPids: false,
  hooks: { poststart: false, poststop: false },
};
let context: OciContext;
let group: string;

/** A container with a control group, in a pid namespace that it shares. */
beforeEach(() => {
  const root = mkdtempSync(path.join(tmpdir(), "tsman-oci-"));
  context = { root, cacheDir: root, cgroupManager: "disabled", onWarning: () => {} };
  staged.signalled = [];
  staged.whenOpened = () => {};
  staged.startTimes = new Map([[init, 7n]]);
  group = path.join(root, ":group");
  mkdirSync(group);
  inGroup(init, 41, 42);
  const files = {
    "container.json": JSON.stringify(record),
    created: "",
    cgroup: `${group}\n`,
    init: `${init} 7\n`,
  };
  mkdirSync(path.join(root, "c"));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(root, "c", name), text);
});
afterEach(() => rmSync(context.root, { recursive: true, force: true }));

function inGroup(...pids: readonly number[]): void {
  writeFileSync(path.join(group, "cgroup.procs"), pids.map((pid) => `${pid}\n`).join(""));
}

describe("a signal to a container", () => {
  it("reaches its first process, or all of its control group", () => {
    killOciContainer(context, "c", 15, false);
    expect(staged.signalled).toEqual([init]);
    killOciContainer(context, "c", 15, true);
    expect(staged.signalled).toEqual([init, init, 41, 42]);
  });

  it("does not reach whoever got the number of a process that has just ended", () => {
    staged.whenOpened = (pid) => {
      if (pid === 41) inGroup(init, 42);
    };
    killOciContainer(context, "c", 15, true);
    expect(staged.signalled).toEqual([init, 42]);
  });

  it.each([false, true])("nor whoever got that of its first process (all: %s)", (all) => {
    staged.whenOpened = (pid) => {
      if (pid !== init) return;
      staged.startTimes.set(init, 8n);
      inGroup(42);
    };
    killOciContainer(context, "c", 15, all);
    expect(staged.signalled).toEqual(all ? [42] : []);
  });
});
