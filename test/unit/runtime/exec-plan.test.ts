import { describe, expect, it } from "vitest";
import { compileBundle } from "../../../src/bundle/compile-bundle.ts";
import type { ContainerOptions } from "../../../src/container/options.ts";
import { encodeLaunch } from "../../../src/runtime/encode.ts";
import {
  compileExecPlan,
  type ExecPlanRequest,
  type ExecProcess,
} from "../../../src/runtime/exec-plan.ts";
import { operationName } from "../../../src/runtime/protocol.ts";
import { requestOf } from "../bundle/bundle-request.ts";

const filter = new Uint8Array(16);

const program: ExecProcess = {
  args: ["id", "-u"],
  env: ["A=1"],
  cwd: "/srv",
  user: { spec: "7", groups: ["tty"], keepGroups: false },
  capabilities: {
    bounding: ["CAP_CHOWN"],
    effective: [],
    permitted: [],
    inheritable: [],
    ambient: [],
  },
  because: { user: "--user", cwd: "--workdir", capabilities: "exec" },
};

const planOf = (
  options: Partial<ContainerOptions> = {},
  overrides: Partial<ExecPlanRequest> = {},
) => {
  const { config } = compileBundle(requestOf({ command: ["sleep"], ...options }));
  return compileExecPlan({
    id: "c0ffee",
    target: { pid: 42, startTime: 12_345_678_901_234n },
    runDir: "/run/c/exec/1",
    bundleDir: "/store/containers/c0ffee",
    config,
    process: program,
    foreground: true,
    forwardStdin: false,
    preserve: 0,
    hasOwnKeyring: true,
    seccompFilter: filter,
    events: [],
    ...overrides,
  });
};
type Plan = ReturnType<typeof planOf>;
const args = (plan: Plan, name: string) =>
  plan.records.filter(({ op }) => operationName(op) === name).map((record) => record.args);
const names = (plan: Plan) => plan.records.map(({ op }) => operationName(op));

describe("compileExecPlan", () => {
  it("ends with its caller only where that is asked for", () => {
    expect(args(planOf(), "EPHEMERAL")).toEqual([]);
    expect(args(planOf({}, { ephemeral: true }), "EPHEMERAL")).toEqual([[""]]);
  });

  it("joins one process and makes nothing", () => {
    const plan = planOf({ tty: true, hostname: "web", readOnly: true });
    expect(args(plan, "JOIN_PROCESS")).toEqual([["42", "12345678901234"]]);
    const made = [
      "UNSHARE",
      "JOIN",
      "OPEN",
      "MOUNT",
      "BIND",
      "PIVOT",
      "HOSTNAME",
      "CONSOLE",
      "LOG",
    ];
    expect(names(plan).filter((name) => made.includes(name))).toEqual([]);
    expect(() => encodeLaunch(plan)).not.toThrow();
  });

  it("gives the program what the container's own has: limits, umask, filter, no new privileges", () => {
    const plan = planOf({
      ulimits: [{ name: "nofile", soft: 99, hard: 101 }],
      oomScoreAdj: 300,
      umask: 0o077,
      security: { ...requestOf().options.security, noNewPrivileges: true },
    });
    expect(args(plan, "RLIMIT")).toContainEqual(["7", "99", "101"]);
    expect(args(plan, "OOM_SCORE")).toEqual([["300"]]);
    expect(args(plan, "UMASK")).toEqual([["077"]]);
    expect(args(plan, "NO_NEW_PRIVS")).toEqual([[]]);
    expect(args(plan, "SECCOMP")).toEqual([[filter, "0"]]);
  });

  it("has no session without the container's filter", () => {
    expect(() => planOf({}, { seccompFilter: undefined })).toThrow(/filter was not compiled/);
    const unconfined = { ...requestOf().options.security, seccomp: "unconfined" as const };
    expect(names(planOf({ security: unconfined }, { seccompFilter: undefined }))).not.toContain(
      "SECCOMP",
    );
  });

  it("changes no file of the container for the user", () => {
    expect(args(planOf(), "USER")).toEqual([["7", "tty", "", "", ""]]);
    const keeping = { ...program, user: { spec: "", groups: [], keepGroups: true } };
    expect(args(planOf({}, { process: keeping }), "USER")).toEqual([
      ["", "", "keepgroups", "", ""],
    ]);
  });

  it("makes no missing directory", () => {
    expect(args(planOf(), "CHDIR")).toEqual([["/srv", "0"]]);
  });

  it("ends with the program", () => {
    const plan = planOf();
    expect(names(plan).at(-1)).toBe("EXEC");
    expect(args(plan, "EXEC")).toEqual([["id", "-u"]]);
    expect(args(plan, "ENV")).toEqual([["A=1"]]);
    expect(args(plan, "CAPS")).toEqual([["1", "0", "0", "0", "0"]]);
  });

  it("leaves JOIN_PROCESS to whoever launches it, for the monitor of the container itself", () => {
    expect(names(planOf({}, { target: undefined }))).not.toContain("JOIN_PROCESS");
  });

  it("has a terminal, detach keys, input and descriptors when asked", () => {
    const plan = planOf(
      {},
      {
        terminal: { rows: 3, columns: 4 },
        detachKeys: Uint8Array.of(16, 17),
        forwardStdin: true,
        preserve: 2,
      },
    );
    expect(args(plan, "TTY")).toEqual([["3", "4"]]);
    expect(args(plan, "DETACH_KEYS")).toEqual([[Uint8Array.of(16, 17)]]);
    expect(args(plan, "STDIN")).toEqual([[]]);
    expect(args(plan, "PRESERVE")).toEqual([["2"]]);
    const plain = names(planOf());
    for (const name of ["TTY", "DETACH_KEYS", "STDIN", "PRESERVE"])
      expect(plain).not.toContain(name);
  });

  it("says nothing of a session's end but what is prepared", () => {
    const event = { status: "exec_died", path: "/events", line: "{time}" } as const;
    expect(args(planOf({}, { events: [event] }), "EVENT")).toEqual([
      ["exec_died", "/events", "{time}"],
    ]);
  });
});
