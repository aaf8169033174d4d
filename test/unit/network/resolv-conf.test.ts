import { describe, expect, it } from "vitest";
import {
  chooseResolverConfig,
  formatResolvConf,
  isOutOfReach,
  parseResolvConf,
} from "../../../src/network/resolv-conf.ts";

const none = { dns: [], dnsSearch: [], dnsOptions: [] };
const host = { servers: ["192.0.2.53"], search: ["lan"], options: ["edns0"] };
const format = (options: Partial<typeof none> | object = {}, rest: object = {}) =>
  formatResolvConf({
    options: { ...none, ...options },
    host,
    networkServer: "10.0.2.3",
    sharesHostNetwork: false,
    ...rest,
  });

describe("parseResolvConf", () => {
  it("reads servers, the last search list and all options", () => {
    const text =
      "# c\nnameserver 192.0.2.1\nnameserver nonsense\ndomain old\nsearch a.b c\n" +
      "options edns0 trust-ad\noptions ndots:2\n nameserver\t2001:db8::1\n";
    expect(parseResolvConf(text)).toEqual({
      servers: ["192.0.2.1", "2001:db8::1"],
      search: ["a.b", "c"],
      options: ["edns0", "trust-ad", "ndots:2"],
    });
  });
});

describe("chooseResolverConfig", () => {
  const stub = "nameserver 127.0.0.53\noptions edns0\nsearch lan\n";

  it("takes systemd-resolved's real servers for its stub", () => {
    expect(chooseResolverConfig(stub, "nameserver 192.0.2.9\n")).toEqual({
      servers: ["192.0.2.9"],
      search: ["lan"],
      options: ["edns0"],
    });
  });

  it("stays with /etc/resolv.conf when that is good, or there is no other", () => {
    const good = "nameserver 192.0.2.1\nnameserver 127.0.0.1\n";
    expect(chooseResolverConfig(good, "nameserver 192.0.2.9").servers[0]).toBe("192.0.2.1");
    expect(chooseResolverConfig(stub, undefined).servers).toEqual(["127.0.0.53"]);
    expect(chooseResolverConfig(stub, "").servers).toEqual(["127.0.0.53"]);
  });
});

describe("isOutOfReach", () => {
  it.each([
    "127.0.0.53",
    "127.1.2.3",
    "0.0.0.0",
    "::1",
    "::",
    "fe80::1%eth0",
    "fe80::1",
    "::ffff:127.0.0.1",
  ])("is true for %s", (server) => {
    expect(isOutOfReach(server)).toBe(true);
  });

  it.each(["192.0.2.1", "12.7.0.1", "2001:db8::1", "10.0.2.3"])("is false for %s", (server) => {
    expect(isOutOfReach(server)).toBe(false);
  });
});

describe("formatResolvConf", () => {
  it("asks the network's server first, then the host's", () => {
    expect(format()).toBe(
      "search lan\nnameserver 10.0.2.3\nnameserver 192.0.2.53\noptions edns0\n",
    );
  });

  it("never lets a server on the host's loopback into a network of its own", () => {
    const loopback = { ...host, servers: ["127.0.0.53", "127.0.0.1"] };
    expect(format({}, { host: loopback })).toBe("search lan\nnameserver 10.0.2.3\noptions edns0\n");
  });

  it("keeps it where the network is the host's and nothing else answers", () => {
    const shared = { sharesHostNetwork: true, networkServer: undefined };
    const loopback = { ...host, servers: ["127.0.0.1"] };
    expect(format({}, { ...shared, host: loopback })).toContain("nameserver 127.0.0.1\n");
    const both = { ...host, servers: ["127.0.0.53", "192.0.2.1"] };
    expect(format({}, { ...shared, host: both })).not.toContain("127.0.0.53");
  });

  it("takes --dns, --dns-search and --dns-option instead", () => {
    expect(format({ dns: ["9.9.9.9"], dnsSearch: ["corp.example"], dnsOptions: ["ndots:5"] })).toBe(
      "search corp.example\nnameserver 9.9.9.9\noptions ndots:5\n",
    );
    expect(format({ dnsSearch: ["."] })).not.toContain("search");
  });

  it("writes no file with --dns none, which stands alone", () => {
    expect(format({ dns: ["none"] })).toBeUndefined();
    expect(() => format({ dns: ["none"], dnsSearch: ["x"] })).toThrow("not together");
    expect(() => format({ dns: ["none", "1.1.1.1"] })).toThrow("not together");
  });

  it.each([
    [{ dns: ["example.org"] }, "--dns"],
    [{ dns: ["1.1.1.1\nnameserver 6.6.6.6"] }, "--dns"],
    [{ dnsSearch: ["a b"] }, "--dns-search"],
    [{ dnsSearch: ["a\nb"] }, "--dns-search"],
    [{ dnsOptions: ["x y"] }, "--dns-option"],
    [{ dnsOptions: ["x\ny"] }, "--dns-option"],
  ])("refuses %j", (options, option) => {
    expect(() => format(options)).toThrow(`use ${option}`);
  });
});
