import { describe, expect, test } from "vitest";
import { parseMount } from "../../../../src/cli/options/mount.ts";
import { thrownError } from "../thrown-error.ts";

const parse = (text: string) => parseMount(text, "--mount", "/work");
const bind = {
  type: "bind",
  source: "/a",
  target: "/b",
  readOnly: false,
  recursive: true,
  flags: [],
  chown: false,
};
const tmpfs = { type: "tmpfs", target: "/b", readOnly: false, flags: [], copyUp: true };
const volume = { type: "volume", target: "/b", readOnly: false, flags: [], copyUp: true };

describe("a mount", () => {
  test.each([
    ["type=bind,source=/a,target=/b", bind],
    ["type=bind,src=/a,dst=/b", bind],
    ["type=bind,src=a,destination=/b", { ...bind, source: "/work/a" }],
    ["source=/a,target=/b,type=bind", bind],
    ["type=bind,src=/a,dst=/b,ro", { ...bind, readOnly: true }],
    ["type=bind,src=/a,dst=/b,readonly=true", { ...bind, readOnly: true }],
    ["type=bind,src=/a,dst=/b,readonly=false", bind],
    ["type=bind,src=/a,dst=/b,rw=false", { ...bind, readOnly: true }],
    ["type=bind,src=/a,dst=/b,bind-propagation=rshared", { ...bind, propagation: "rshared" }],
    ["type=bind,src=/a,dst=/b,bind-nonrecursive", { ...bind, recursive: false }],
    ["type=bind,src=/a,dst=/b,relabel=shared,consistency=cached", bind],
    ["type=bind,src=/a,dst=/b,U=true", { ...bind, chown: true }],
    ["type=bind,src=/a,dst=/b,noexec", { ...bind, flags: ["noexec"] }],
    ['type=bind,"src=/a,x",dst=/b', { ...bind, source: "/a,x" }],
    ["type=tmpfs,target=/b", tmpfs],
    [
      "type=tmpfs,dst=/b,tmpfs-size=64m,tmpfs-mode=1777",
      { ...tmpfs, size: 67_108_864, mode: 0o1777 },
    ],
    ["type=tmpfs,dst=/b,ro,notmpcopyup", { ...tmpfs, readOnly: true, copyUp: false }],
    ["type=volume,src=data,dst=/b", { ...volume, name: "data" }],
    ["type=volume,dst=/b,nocopy", { ...volume, copyUp: false }],
    ["src=data,dst=/b,ro=1", { ...volume, name: "data", readOnly: true }],
  ])("%s", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  test.each([
    ["type=bind,dst=/b", "the source is missing"],
    ["type=bind,src=/a", "the target is missing"],
    ["type=bind,src=/a,dst=/", "the target is the container's root"],
    ["type=bind,src=/a,dst=b", 'the container\'s path "b" is not absolute'],
    ["type=nope,dst=/b", 'unknown type "nope"'],
    ["type=bind,src=/a,dst=/b,tmpfs-size=1m", 'a bind mount has no "tmpfs-size=1m"'],
    ["type=tmpfs,dst=/b,src=/a", 'a tmpfs mount has no "src=/a"'],
    ["type=tmpfs,dst=/b,bogus", 'a tmpfs mount has no "bogus"'],
    ["type=bind,src=,dst=/b", "src has no value"],
    ["type=bind,src=/a,dst=/b,bind-propagation=up", 'unknown propagation "up"'],
    ["type=bind,src=/a,dst=/b,relabel=no", "relabel is neither shared nor private"],
    ["type=volume,src=../x,dst=/b", '"../x" is neither a path nor a volume\'s name'],
    ['type=bind,"src=/a', "a quote is not closed"],
  ])("%s is refused: %s", (text, why) => {
    const error = thrownError(() => parse(text));
    expect(error.code).toBe("USAGE");
    expect(error.message).toBe(`parse --mount ${JSON.stringify(text)}: ${why}`);
  });

  test.each([
    "type=image,src=x,dst=/b",
    "type=glob,src=/a*,dst=/b",
    "type=bind,src=/a,dst=/b,idmap",
    "type=volume,src=d,dst=/b,volume-opt=o=x",
    "type=volume,src=d,dst=/b,U",
    "type=volume,src=d,dst=/b,subpath=x",
  ])("%s is refused as unsupported", (text) => {
    expect(thrownError(() => parse(text)).code).toBe("OPTION_UNSUPPORTED");
  });
});
