import { expect, it } from "vitest";
import { seccompSteps } from "../../../src/runtime/seccomp-plan.ts";

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
    ],
  } as const;
  expect(seccompSteps(asked, filter, "test")[0]?.args).toEqual([filter, "6"]);
});

it("rules that were not compiled are no step that is left out", () => {
  expect(seccompSteps(undefined, undefined, "test")).toEqual([]);
  expect(() => seccompSteps(rules, undefined, "test")).toThrow("was not compiled");
});
