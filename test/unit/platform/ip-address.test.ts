import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isIpAddress } from "../../../src/platform/ip-address.ts";

describe("isIpAddress", () => {
  it.each([
    "127.0.0.1",
    "::1",
    "::",
    "fe80::1%eth0",
    "2001:db8::ffff:1",
    "::ffff:10.0.0.1",
    "256.0.0.1",
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
    expect(isIpAddress(text)).toBe(isIP(text) !== 0);
  });

  it("agrees with node:net on any address", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        expect(isIpAddress(text)).toBe(isIP(text) !== 0);
      }),
    );
  });
});
