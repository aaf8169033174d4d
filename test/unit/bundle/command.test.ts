import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveCommand, resolveUser, resolveWorkdir } from "../../../src/bundle/command.ts";

const none = { command: [] };

describe("resolveCommand", () => {
  const image = { entrypoint: ["/entry", "-x"], cmd: ["serve"] };

  it("joins the image's ENTRYPOINT and CMD", () => {
    expect(resolveCommand(none, image)).toEqual({
      args: ["/entry", "-x", "serve"],
      because: "image ENTRYPOINT and image CMD",
    });
  });

  it("puts arguments in the place of CMD", () => {
    expect(resolveCommand({ command: ["a", "b"] }, image)).toEqual({
      args: ["/entry", "-x", "a", "b"],
      because: "image ENTRYPOINT and command line",
    });
  });

  it("drops the image's CMD with --entrypoint", () => {
    expect(resolveCommand({ command: [], entrypoint: ["/sh"] }, image).args).toEqual(["/sh"]);
    expect(resolveCommand({ command: ["-c", "x"], entrypoint: ["/sh"] }, image)).toEqual({
      args: ["/sh", "-c", "x"],
      because: "--entrypoint and command line",
    });
  });

  it("runs the arguments alone when --entrypoint is empty", () => {
    expect(resolveCommand({ command: ["ls"], entrypoint: [] }, image).args).toEqual(["ls"]);
  });

  it("refuses to run nothing", () => {
    expect(() => resolveCommand(none, { entrypoint: null, cmd: null })).toThrow("no command");
    expect(() => resolveCommand({ command: [], entrypoint: [] }, image)).toThrow("no command");
    expect(() => resolveCommand({ command: [""] }, undefined)).toThrow("no command");
  });
});

describe("resolveWorkdir", () => {
  it("takes -w, which has to exist, over the image's, which is made", () => {
    expect(resolveWorkdir("/a/../b/", "/c")).toMatchObject({ path: "/b", create: false });
    expect(resolveWorkdir(undefined, "srv")).toMatchObject({ path: "/srv", create: true });
    expect(resolveWorkdir(undefined, "")).toMatchObject({ path: "/", create: false });
  });

  it("never leaves the root", () => {
    expect(resolveWorkdir(undefined, "../../..").path).toBe("/");
    expect(resolveWorkdir("/../../etc", "").path).toBe("/etc");
  });

  it("refuses a relative -w", () => {
    expect(() => resolveWorkdir("tmp", "")).toThrow("not an absolute path");
  });
});

describe("resolveUser", () => {
  const options = { groupAdd: [], userns: { mode: "default" as const } };
  const keepIds = { uid: 1234, gid: 5678 };
  const resolve = (user?: string) =>
    resolveUser(user === undefined ? options : { ...options, user }, "web", keepIds);

  it("takes -u over the image's USER, and root when neither says anything", () => {
    expect(resolve("1000:100")).toMatchObject({ spec: "1000:100", uid: 1000, gid: 100 });
    expect(resolve()).toMatchObject({ spec: "web", because: "image USER" });
    expect(resolveUser(options, "", keepIds)).toMatchObject({ spec: "", uid: 0, gid: 0 });
  });

  it("gives the caller its own ids with --userns keep-id, unless -u says otherwise", () => {
    const keepId = { ...options, userns: { mode: "keep-id" as const } };
    expect(resolveUser(keepId, "web", keepIds).spec).toBe("1234:5678");
    const other = { ...options, userns: { mode: "keep-id" as const, uid: 7, gid: 8 } };
    expect(resolveUser(other, "", keepIds).spec).toBe("7:8");
    expect(resolveUser({ ...keepId, user: "0" }, "", keepIds).spec).toBe("0");
  });

  // S22: what looks like a number must be that number or nothing.
  it.each([
    ["1", 1],
    ["01", 1],
    ["2147483648", 2_147_483_648],
    ["4294967294", 4_294_967_294],
    ["123name", undefined],
    ["0x1", undefined],
    ["1e3", undefined],
    ["name", undefined],
    ["www-data", undefined],
    ["user@domain.org", undefined],
  ])("reads %j as uid %s, undefined being a name", (spec, uid) => {
    expect(resolve(spec).uid).toBe(uid);
  });

  it.each([
    "1:",
    ":1",
    ":",
    "+1",
    " 1",
    "1 ",
    "-1",
    "4294967295",
    "4294967296",
    "99999999999999999999",
    "a b",
    "a:b:c",
    "a\n",
    "1:-1",
  ])("refuses %j", (spec) => {
    expect(() => resolve(spec)).toThrow("use --user");
  });

  it("never makes a number out of text that is not one", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        let uid: number | undefined;
        try {
          uid = resolve(text).uid;
        } catch {
          return true;
        }
        return uid === undefined || text === "" || /^\d+(?::|$)/.test(text);
      }),
    );
  });

  it("takes groups by name and number, and keep-groups alone", () => {
    const user = (groupAdd: string[]) => resolveUser({ ...options, groupAdd }, "", keepIds);
    expect(user(["audio", "44"])).toMatchObject({ groups: ["audio", "44"], keepGroups: false });
    expect(user(["keep-groups"])).toMatchObject({ groups: [], keepGroups: true });
    expect(() => user(["keep-groups", "audio"])).toThrow("not together");
    expect(() => user(["-5"])).toThrow("--group-add");
  });
});
