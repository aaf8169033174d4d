import net from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isIP } from "../../../src/platform/ip-address.ts";

describe("isIP", () => {
  it.each([
    "127.0.0.1",
    "::1",
    "::",
    "fe80::1%eth0",
    "2001:db8::ffff:1",
    "::ffff:10.0.0.1",
    "256.0.0.1",
    "01.2.3.4",
    "1.2.3.0x4",
    "0.0.0.0",
    "255.255.255.255",
    "1.2.3.4 ",
    "1.2.3.4\n",
    "::1.2.3.04",
    "10.0.0",
    "1.2.3.4.5",
    ":::1",
    "1::2::3",
    "12345::",
    "[::1]",
    "::1]/x[",
    "localhost",
    "::1/64",
    "",
  ])("judges %j as node:net does", (text) => {
    expect(isIP(text)).toBe(net.isIP(text));
  });

  it("agrees with node:net on any address", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        expect(isIP(text)).toBe(net.isIP(text));
      }),
    );
  });
});
