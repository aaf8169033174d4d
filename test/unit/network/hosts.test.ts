import { describe, expect, it } from "vitest";
import { formatHosts, parseHosts } from "../../../src/network/hosts.ts";

const request = {
  base: "",
  address: "10.0.2.100",
  hostname: "box",
  containerName: "web",
  hostAddress: "192.0.2.2",
  addHosts: [],
};
const lines = (text: string) => text.trimEnd().split("\n");

describe("formatHosts", () => {
  it("names localhost, the host and the container itself", () => {
    expect(lines(formatHosts(request))).toEqual([
      "127.0.0.1\tlocalhost",
      "::1\tlocalhost ip6-localhost ip6-loopback",
      "192.0.2.2\thost.containers.internal host.docker.internal",
      "10.0.2.100\tbox web",
    ]);
  });

  it("keeps the host's entries, without comments and nonsense", () => {
    const base = "# top\n127.0.0.1 localhost # here\n10.1.1.1\tdb db.lan\nnonsense x\n10.1.1.2\n";
    expect(lines(formatHosts({ ...request, base })).slice(0, 3)).toEqual([
      "127.0.0.1\tlocalhost",
      "10.1.1.1\tdb db.lan",
      "::1\tlocalhost ip6-localhost ip6-loopback",
    ]);
  });

  it("lets --add-host hide what comes after it, per address family", () => {
    const text = formatHosts({
      ...request,
      base: "10.1.1.1 db other\nfd00::1 db",
      addHosts: [
        { name: "db", address: "10.9.9.9" },
        { name: "box", address: "10.9.9.8" },
        { name: "gw", address: "host-gateway" },
      ],
    });
    expect(lines(text)).toEqual(
      expect.arrayContaining([
        "10.9.9.9\tdb",
        "10.1.1.1\tother",
        "fd00::1\tdb",
        "192.0.2.2\tgw",
        "10.0.2.100\tweb",
      ]),
    );
  });

  it.each([
    [{ name: "a b", address: "10.0.0.1" }, "not a host name"],
    [{ name: "a\nb", address: "10.0.0.1" }, "not a host name"],
    [{ name: "", address: "10.0.0.1" }, "not a host name"],
    [{ name: "a", address: "10.0.0" }, "is not an address"],
    [{ name: "a", address: "10.0.0.1\n1.1.1.1 evil" }, "is not an address"],
  ])("refuses %j", (entry, why) => {
    expect(() => formatHosts({ ...request, addHosts: [entry] })).toThrow(why);
  });

  it("refuses host-gateway when the host has no address", () => {
    const { hostAddress: _, ...rest } = request;
    const addHosts = [{ name: "a", address: "host-gateway" }];
    expect(() => formatHosts({ ...rest, addHosts })).toThrow("the host has no address");
    expect(formatHosts({ ...rest, addHosts: [] })).not.toContain("host.containers.internal");
  });
});

describe("parseHosts", () => {
  it("is linear on a large file of one line", () => {
    expect(parseHosts(`127.0.0.1 ${"a ".repeat(100_000)}`)[0]?.names).toHaveLength(100_000);
  });
});
