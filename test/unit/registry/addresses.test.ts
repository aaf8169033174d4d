import { expect, test } from "vitest";
import {
  isAddressLiteral,
  isInternalAddress,
  isLoopbackHost,
} from "../../../src/registry/addresses.ts";

test.each([
  "localhost",
  "localhost:5000",
  "LOCALHOST",
  "localhost.",
  "a.localhost",
  "127.0.0.1",
  "127.255.0.9:1",
  "[::1]",
  "[::1]:5000",
  "[::ffff:127.0.0.1]",
])("%s is this host", (host) => {
  expect(isLoopbackHost(host)).toBe(true);
});

test.each([
  "localhost.example",
  "notlocalhost",
  "127.0.0.1.example",
  "128.0.0.1",
  "10.0.0.1",
  "[2001:db8::1]",
  "",
])("%j is another host", (host) => {
  expect(isLoopbackHost(host)).toBe(false);
});

test.each([
  "169.254.169.254",
  "127.0.0.1",
  "0.0.0.0",
  "::1",
  "::",
  "fe80::5",
  "::ffff:169.254.1.1",
])("%s answers for this host or its cloud", (address) => {
  expect(isInternalAddress(address)).toBe(true);
});

test.each(["10.0.0.1", "192.168.1.1", "8.8.8.8", "2001:db8::1", "name"])(
  "%s may be a service elsewhere",
  (address) => {
    expect(isInternalAddress(address)).toBe(false);
  },
);

test("an address is told from a name", () => {
  expect(isAddressLiteral("10.0.0.1:80")).toBe(true);
  expect(isAddressLiteral("[::1]")).toBe(true);
  expect(isAddressLiteral("a.example")).toBe(false);
});
