import { describe, expect, it } from "vitest";
import { originalOwner } from "../../../src/layer/inside/true-owner.ts";

const lost = Buffer.from("33:44:4755");

describe("the owner that an image wanted", () => {
  it("comes back with the bits that went with it", () => {
    const own = { uid: 0, gid: 0, mode: 0o755 };
    expect(originalOwner(own, lost, false)).toEqual({ uid: 33, gid: 44, mode: 0o4755 });
  });

  it.each([
    ["the file is another user's", { uid: 5, gid: 0, mode: 0o755 }],
    ["others may write the file", { uid: 0, gid: 0, mode: 0o666 }],
    ["its group may write the file", { uid: 0, gid: 0, mode: 0o664 }],
  ])("is not believed where %s, who could have set the attribute", (_why, own) => {
    expect(originalOwner(own, lost, false)).toEqual(own);
  });

  it("is believed of any file where there is one id only", () => {
    const own = { uid: 0, gid: 0, mode: 0o666 };
    expect(originalOwner(own, lost, true)).toMatchObject({ uid: 33, gid: 44 });
  });

  it.each(["", "1:2", "1:2:9999", "4294967295:0:0644", "-1:0:0644", "1:2:0644\n"])(
    "is no owner when it says %j",
    (text) => {
      const own = { uid: 0, gid: 0, mode: 0o644 };
      expect(originalOwner(own, Buffer.from(text), true)).toEqual(own);
    },
  );
});
