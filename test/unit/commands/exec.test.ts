import { describe, expect, it } from "vitest";
import { preservedDescriptors } from "../../../src/cli/options/preserved-descriptors.ts";
import type { ExecOptions, ExecSession } from "../../../src/engine/types.ts";
import { run } from "../cli/fake-context.ts";

/** What `tsman exec ARGS` asks the engine for. */
async function asked(...args: readonly string[]) {
  const calls: { readonly container: string; readonly options: ExecOptions }[] = [];
  const session: ExecSession = {
    id: "e".repeat(64),
    name: "web",
    started: Promise.resolve(),
    exited: Promise.resolve({ status: 7 }),
    detached: new Promise(() => {}),
    signal: () => {},
    resize: () => {},
    release: () => {},
  };
  const result = await run(["exec", ...args], {
    containers: {
      exec: async (container, options) => {
        calls.push({ container, options });
        return session;
      },
    },
  });
  return { ...result, calls };
}

describe("tsman exec", () => {
  it("takes the container, then the command with its own options", async () => {
    const { status, calls } = await asked("-i", "web", "sh", "-c", "exit", "-t");
    expect(status).toBe(7);
    expect(calls).toHaveLength(1);
    expect(calls[0]?.container).toBe("web");
    expect(calls[0]?.options).toMatchObject({
      command: ["sh", "-c", "exit", "-t"],
      interactive: true,
      tty: false,
      detach: false,
      privileged: false,
      env: [],
      preserveFds: [],
    });
  });

  it("prints the session's id with -d", async () => {
    const { status, stdout } = await asked("-d", "web", "true");
    expect([stdout, status]).toEqual([`${"e".repeat(64)}\n`, 0]);
  });

  it("reads variables, the user, the directory", async () => {
    const { calls } = await asked(
      ...["-e", "A=b", "--env", "FROM", "-e", "NONE", "-u", "7:8", "-w", "/srv", "--privileged"],
      ...["web", "env"],
    );
    expect(calls[0]?.options).toMatchObject({
      env: [
        ["A", "b"],
        ["FROM", "caller"],
      ],
      user: "7:8",
      workdir: "/srv",
      privileged: true,
    });
  });

  it.each([
    [["web"], "no command is named"],
    [[], "the container is missing"],
    [["-w", "relative", "web", "true"], "not an absolute path"],
    [["--preserve-fds", "-1", "web", "true"], "--preserve-fds"],
    [["--preserve-fds", "1e3", "web", "true"], "--preserve-fds"],
    [["--preserve-fds", "513", "web", "true"], "--preserve-fds"],
    [["--preserve-fds", "1", "web", "true"], "descriptor 3 is not open"],
    [["--preserve-fd", "5", "web", "true"], "is not supported"],
    [["-e", "=x", "web", "true"], "the name is missing"],
  ])("refuses %j", async (args, why) => {
    const { status, stderr, calls } = await asked(...args);
    expect(stderr).toContain(why);
    expect(status).toBe(125);
    expect(calls).toEqual([]);
  });
});

describe("preservedDescriptors", () => {
  it("are those from 3 on, if the launcher has seen them open", () => {
    expect(preservedDescriptors(0, {})).toEqual([]);
    expect(preservedDescriptors(2, { TSMAN_DESCRIPTORS: " 0 1 2 3 4 7" })).toEqual([3, 4]);
  });

  it("are refused when one is missing, or nobody has looked", () => {
    expect(() => preservedDescriptors(3, { TSMAN_DESCRIPTORS: " 0 1 2 3 4 7" })).toThrow(
      /descriptor 5 is not open/,
    );
    expect(() => preservedDescriptors(1, {})).toThrow(/descriptor 3 is not open/);
  });
});
