import { describe, expect, it } from "vitest";
import { limitsOf } from "../../../src/bundle/adopt/adopt-resources.ts";
import { compileLimits } from "../../../src/cgroup/compile-limits.ts";
import { parseOciArguments } from "../../../src/cli/oci/arguments.ts";
import { limitOptions, limitsGiven } from "../../../src/cli/oci/limit-options.ts";

/** The files of a control group that options lead to. */
function settings(...argv: readonly string[]): readonly string[] {
  const limits = limitsGiven(parseOciArguments(argv, limitOptions, 1));
  return compileLimits(limitsOf(limits, "")).map(({ file, value }) => `${file}=${value}`);
}

describe("options of update", () => {
  it("change what is named, and nothing else", () => {
    expect(settings()).toEqual([]);
    expect(settings("--pids-limit", "9")).toEqual(["pids.max=9"]);
    expect(settings("--memory-reservation", "1m")).toEqual(["memory.low=1048576"]);
  });

  it("are runc's of the processor as well", () => {
    const argv = ["--cpu-idle=1", "--cpu-burst", "2000", "--cpu-quota", "5000"];
    expect(settings(...argv)).toEqual(["cpu.idle=1", "cpu.max=5000 100000", "cpu.max.burst=2000"]);
  });

  it("are numbers", () => {
    expect(() => settings("--cpu-idle", "yes")).toThrow("use --cpu-idle yes: not a number");
  });
});
