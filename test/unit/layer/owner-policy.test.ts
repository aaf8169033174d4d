import { describe, expect, it } from "vitest";
import { OwnerPolicy } from "../../../src/layer/worker/owner-policy.ts";

const wide = [{ first: 0, count: 65_536 }];
const one = [{ first: 0, count: 1 }];

describe("the owner of a file", () => {
  it("is the archive's where the mapping has it", () => {
    const policy = new OwnerPolicy(wide, wide);
    expect(policy.written(1000, 65_535, 0o6755, false)).toEqual({
      uid: 1000,
      gid: 65_535,
      mode: 0o6755,
      lost: undefined,
    });
  });

  it("is looked for in every range of the mapping", () => {
    const policy = new OwnerPolicy(
      [...one, { first: 1, count: 999 }, { first: 1001, count: 5 }],
      wide,
    );
    expect(policy.written(1005, 0, 0o644, false).uid).toBe(1005);
    expect(policy.written(1000, 0, 0o644, false).uid).toBe(0);
  });

  it("becomes root, with the truth on record, in a one-id mapping", () => {
    const policy = new OwnerPolicy(one, one);
    expect(policy.written(100, 42, 0o640, false)).toEqual({
      uid: 0,
      gid: 0,
      mode: 0o640,
      lost: "100:42:0640",
    });
  });

  it("takes setuid and setgid along when it is lost, since they would become root's", () => {
    const policy = new OwnerPolicy(wide, wide);
    const { mode, lost } = policy.written(70_000, 70_000, 0o6755, false);
    expect(mode).toBe(0o755);
    expect(lost).toBe("70000:70000:6755");
    expect(policy.written(70_000, 8, 0o6755, false)).toMatchObject({
      uid: 0,
      gid: 8,
      mode: 0o2755,
    });
    expect(policy.written(8, 70_000, 0o6755, false)).toMatchObject({
      uid: 8,
      gid: 0,
      mode: 0o4755,
    });
  });

  it("leaves a directory's setgid and sticky bits, which give no power", () => {
    const policy = new OwnerPolicy(one, one);
    expect(policy.written(0, 8, 0o3775, true)).toMatchObject({ gid: 0, mode: 0o3775 });
  });
});
