import { describe, expect, test } from "vitest";
import { parseNamespace } from "../../../../src/cli/options/namespaces.ts";
import { parseNetwork } from "../../../../src/cli/options/network.ts";
import { parseSecurityOptions } from "../../../../src/cli/options/security-opt.ts";
import { parseIdMap, parseUserns, usernsRequest } from "../../../../src/cli/options/userns.ts";
import { thrownError } from "../thrown-error.ts";

describe("--pid, --ipc, --uts", () => {
  test.each([
    ["private", { mode: "private" }],
    ["host", { mode: "host" }],
    ["container:web", { mode: "container", container: "web" }],
    ["ns:/proc/1/ns/pid", { mode: "path", path: "/proc/1/ns/pid" }],
  ])("%s", (text, expected) => {
    expect(parseNamespace(text, "--pid")).toEqual(expected);
  });

  test("shareable is a word of --ipc only", () => {
    expect(parseNamespace("shareable", "--ipc")).toEqual({ mode: "private" });
    expect(thrownError(() => parseNamespace("shareable", "--pid")).code).toBe("USAGE");
  });

  test.each([
    ["container:", "USAGE"],
    ["bogus", "USAGE"],
    ["ns:", "USAGE"],
    ["none", "OPTION_UNSUPPORTED"],
  ])("%s is refused", (text, code) => {
    expect(thrownError(() => parseNamespace(text, "--pid")).code).toBe(code);
  });
});

describe("--userns", () => {
  test.each([
    ["host", { mode: "default" }],
    ["", { mode: "default" }],
    ["nomap", { mode: "nomap" }],
    ["keep-id", { mode: "keep-id" }],
    ["keep-id:uid=5,gid=6", { mode: "keep-id", uid: 5, gid: 6 }],
    ["keep-id:gid=0", { mode: "keep-id", gid: 0 }],
    ["auto", { mode: "auto", uid: [], gid: [] }],
    [
      "auto:size=2048,uidmapping=0:0:1,gidmapping=5:@7:2",
      {
        mode: "auto",
        size: 2048,
        uid: [{ inside: 0, outside: 0, count: 1, isHostId: false }],
        gid: [{ inside: 5, outside: 7, count: 2, isHostId: true }],
      },
    ],
  ])("%j", (text, expected) => {
    expect(parseUserns(text, "--userns")).toEqual(expected);
  });

  test.each([
    ["auto:size=0", "USAGE"],
    ["auto:", "USAGE"],
    ["auto:uidmapping=0:1:x", "USAGE"],
    ["container:web", "OPTION_UNSUPPORTED"],
    ["ns:/x", "OPTION_UNSUPPORTED"],
    ["keep-id:uid=x", "USAGE"],
    ["keep-id:size=5", "USAGE"],
    ["bogus", "USAGE"],
  ])("%s is refused", (text, code) => {
    expect(thrownError(() => parseUserns(text, "--userns")).code).toBe(code);
  });
});

describe("--uidmap and the like", () => {
  const none = {
    userns: undefined,
    uidmap: [],
    gidmap: [],
    subuidname: undefined,
    subgidname: undefined,
  };
  const map = [parseIdMap("0:0", "--uidmap")];

  test("are read, for one id or for several", () => {
    expect(map).toEqual([{ inside: 0, outside: 0, count: 1, isHostId: false }]);
    expect(parseIdMap("1:@100000:5", "--uidmap")).toEqual({
      inside: 1,
      outside: 100_000,
      count: 5,
      isHostId: true,
    });
  });

  test("of users only hold for groups too", () => {
    expect(usernsRequest(none)).toBeUndefined();
    expect(usernsRequest({ ...none, uidmap: map })).toEqual({ mode: "map", uid: map, gid: map });
    expect(usernsRequest({ ...none, subuidname: "ada" })).toEqual({
      mode: "subid",
      uid: "ada",
      gid: "ada",
    });
  });

  test("exclude each other and --userns", () => {
    const userns = { mode: "nomap" } as const;
    for (const both of [
      { ...none, userns, uidmap: map },
      { ...none, userns, subgidname: "ada" },
      { ...none, uidmap: map, subuidname: "ada" },
    ]) {
      expect(thrownError(() => usernsRequest(both)).message).toContain("exclude each other");
    }
  });

  test.each(["", "0", "0:1:2:3", "a:0:1", "0:-1:1", "+0:1:1", "0:1:99999999999"])(
    "%j is refused",
    (text) => {
      expect(thrownError(() => parseIdMap(text, "--uidmap")).code).toBe("USAGE");
    },
  );
});

describe("--network", () => {
  test.each([
    ["none", { mode: "none" }],
    ["host", { mode: "host" }],
    ["container:web", { mode: "container", container: "web" }],
    ["slirp4netns", { mode: "slirp4netns", options: {} }],
    ["private", { mode: "slirp4netns", options: {} }],
    ["default", { mode: "slirp4netns", options: {} }],
    [
      "slirp4netns:allow_host_loopback=true,mtu=1500,cidr=10.1.0.0/24,enable_ipv6=false",
      {
        mode: "slirp4netns",
        options: { allowHostLoopback: true, mtu: 1500, cidr: "10.1.0.0/24", enableIpv6: false },
      },
    ],
    [
      "slirp4netns:outbound_addr=eth0,outbound_addr6=::1,port_handler=slirp4netns",
      { mode: "slirp4netns", options: { outboundAddr: "eth0", outboundAddr6: "::1" } },
    ],
  ])("%s", (text, expected) => {
    expect(parseNetwork(text, "--network")).toEqual(expected);
  });

  test.each([
    ["none:x", "USAGE"],
    ["container:", "USAGE"],
    ["slirp4netns:bogus=1", "USAGE"],
    ["slirp4netns:mtu=1", "USAGE"],
    ["slirp4netns:cidr=10.0.0.0", "USAGE"],
    ["slirp4netns:cidr=::/64", "USAGE"],
    ["slirp4netns:outbound_addr=-x", "USAGE"],
    ["slirp4netns:port_handler=rootlesskit", "OPTION_UNSUPPORTED"],
    ["bridge", "OPTION_UNSUPPORTED"],
    ["pasta", "OPTION_UNSUPPORTED"],
    ["mynet", "OPTION_UNSUPPORTED"],
  ])("%s is refused", (text, code) => {
    expect(thrownError(() => parseNetwork(text, "--network")).code).toBe(code);
  });
});

describe("--security-opt", () => {
  const parse = (...texts: string[]) => parseSecurityOptions(texts, "--security-opt", "/work");
  const none = { noNewPrivileges: false, seccomp: "default", mask: [], unmask: [], labels: [] };

  test.each([
    [["no-new-privileges"], { ...none, noNewPrivileges: true }],
    [["no-new-privileges:true"], { ...none, noNewPrivileges: true }],
    [["no-new-privileges=false"], none],
    [["seccomp=unconfined"], { ...none, seccomp: "unconfined" }],
    [["seccomp:unconfined"], { ...none, seccomp: "unconfined" }],
    [["seccomp=profile.json"], { ...none, seccomp: "/work/profile.json" }],
    [["mask=/a:/b", "mask=/c"], { ...none, mask: ["/a", "/b", "/c"] }],
    [["unmask=ALL"], { ...none, unmask: ["ALL"] }],
    [["unmask=/proc/kcore"], { ...none, unmask: ["/proc/kcore"] }],
    [["systempaths=unconfined"], { ...none, unmask: ["ALL"] }],
    [["label=disable", "apparmor=x"], { ...none, labels: ["disable"], apparmor: "x" }],
  ])("%j", (texts, expected) => {
    expect(parse(...texts)).toEqual(expected);
  });

  test.each([
    ["bogus", "USAGE"],
    ["seccomp", "USAGE"],
    ["mask=relative", "USAGE"],
    ["no-new-privileges=maybe", "USAGE"],
  ])("%s is refused", (text, code) => {
    expect(thrownError(() => parse(text)).code).toBe(code);
  });
});
