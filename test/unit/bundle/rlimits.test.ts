import { describe, expect, it } from "vitest";
import { parseLimits } from "../../../src/bundle/host-facts.ts";
import { resolveRlimits } from "../../../src/bundle/rlimits.ts";

const unlimited = { nofileLimit: -1, nprocLimit: -1 };

describe("resolveRlimits", () => {
  it("gives Podman's nofile and nproc, as far as the caller has them", () => {
    expect(resolveRlimits([], unlimited)).toEqual([
      { type: "RLIMIT_NOFILE", soft: 1_048_576, hard: 1_048_576, because: "default" },
      { type: "RLIMIT_NPROC", soft: 4_194_304, hard: 4_194_304, because: "default" },
    ]);
    const [nofile, nproc] = resolveRlimits([], { nofileLimit: 1024, nprocLimit: 500 });
    expect([nofile?.hard, nproc?.hard]).toEqual([1024, 500]);
  });

  it("takes --ulimit over them", () => {
    const limits = resolveRlimits(
      [
        { name: "nofile", soft: 10, hard: 20 },
        { name: "RLIMIT_core", soft: 0, hard: -1 },
      ],
      unlimited,
    );
    expect(limits).toContainEqual({
      type: "RLIMIT_NOFILE",
      soft: 10,
      hard: 20,
      because: "--ulimit nofile",
    });
    expect(limits).toContainEqual(expect.objectContaining({ type: "RLIMIT_CORE", hard: -1 }));
  });

  it.each([
    [{ name: "files", soft: 1, hard: 1 }, "no such limit"],
    [{ name: "toString", soft: 1, hard: 1 }, "no such limit"],
    [{ name: "nofile", soft: 2, hard: 1 }, "exceeds the hard limit"],
    [{ name: "nofile", soft: -1, hard: 1 }, "exceeds the hard limit"],
    [{ name: "nofile", soft: -2, hard: 1 }, "not a limit"],
    [{ name: "nofile", soft: 1.5, hard: 2 }, "not a limit"],
    [{ name: "nofile", soft: Number.NaN, hard: 2 }, "not a limit"],
  ])("refuses %j: %s", (limit, why) => {
    expect(() => resolveRlimits([limit], unlimited)).toThrow(why);
  });

  it("refuses a limit that is given twice", () => {
    const limit = { name: "nofile", soft: 1, hard: 1 };
    expect(() => resolveRlimits([limit, { ...limit, name: "NOFILE" }], unlimited)).toThrow("twice");
  });
});

describe("parseLimits", () => {
  it("reads hard limits of /proc/self/limits", () => {
    const text = [
      "Limit                     Soft Limit           Hard Limit           Units     ",
      "Max processes             96365                unlimited            processes ",
      "Max open files            1024                 524288               files     ",
    ].join("\n");
    expect(parseLimits(text)).toEqual({ nofile: 524_288, nproc: -1 });
    expect(parseLimits("")).toEqual({ nofile: -1, nproc: -1 });
  });
});
