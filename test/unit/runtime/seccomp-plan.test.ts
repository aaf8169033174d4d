import { expect, it } from "vitest";
import { listenerSettings, seccompSteps } from "../../../src/runtime/seccomp-plan.ts";

const rules = { defaultAction: "SCMP_ACT_ALLOW", architectures: [], syscalls: [] } as const;
const filter = new Uint8Array(8);

it("the step has the filter and the kernel's number of its flags", () => {
  const [plain] = seccompSteps(rules, filter, "test");
  expect(plain?.args).toEqual([filter, "0"]);
  const asked = {
    ...rules,
    flags: [
      "SECCOMP_FILTER_FLAG_TSYNC",
      "SECCOMP_FILTER_FLAG_LOG",
      "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
      "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    ],
  } as const;
  // Nobody is asked whom the last could wait for.
  expect(seccompSteps(asked, filter, "test")[0]?.args).toEqual([filter, "6"]);
  const asking = { ...asked, syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }] } as const;
  expect(seccompSteps(asking, filter, "test")[0]?.args).toEqual([filter, "38"]);
});

it("rules that were not compiled are no step that is left out", () => {
  expect(seccompSteps(undefined, undefined, "test")).toEqual([]);
  expect(() => seccompSteps(rules, undefined, "test")).toThrow("was not compiled");
});

it("a listener is told of the container, and the first two places of the pid are tsman's own", () => {
  const of = (action: "SCMP_ACT_NOTIFY" | "SCMP_ACT_LOG") => ({
    ...rules,
    syscalls: [{ names: ["mkdir"], action }],
    listenerPath: "/run/agent",
    listenerMetadata: "{pid} and more",
  });
  const container = {
    id: "c0ffee",
    status: "creating",
    bundle: "/store/{pid}",
    annotations: { a: '"pid":{pid}' },
  } as const;
  expect(listenerSettings(of("SCMP_ACT_LOG"), container, "test")).toEqual([]);
  const [record] = listenerSettings(of("SCMP_ACT_NOTIFY"), container, "test");
  expect(record?.args[0]).toBe("/run/agent");
  const filled = String(record?.args[1]).replace("{pid}", "42").replace("{pid}", "42");
  expect(JSON.parse(filled)).toEqual({
    ociVersion: "1.2.0",
    fds: ["seccompFd"],
    pid: 42,
    metadata: "{pid} and more",
    state: { ociVersion: "1.2.0", pid: 42, ...container },
  });
});
