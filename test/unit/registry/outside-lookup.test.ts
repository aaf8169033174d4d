import dns, { type LookupAddress } from "node:dns";
import { afterEach, expect, test, vi } from "vitest";
import { lookupOutside } from "../../../src/registry/outside-lookup.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** What a name resolves to when the name server gives these addresses. */
async function resolve(addresses: readonly string[], all: boolean): Promise<unknown> {
  const answer = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  vi.spyOn(dns, "lookup").mockImplementation(((
    _name: string,
    _options: unknown,
    callback: (error: null, addresses: LookupAddress[]) => void,
  ) => {
    callback(null, answer);
  }) as unknown as typeof dns.lookup);
  return await new Promise((done, fail) => {
    lookupOutside("a.example", { all }, (error, address) => {
      if (error === null) done(address);
      else fail(error);
    });
  });
}

test("addresses elsewhere are passed on", async () => {
  expect(await resolve(["192.0.2.1", "2001:db8::1"], true)).toEqual([
    { address: "192.0.2.1", family: 4 },
    { address: "2001:db8::1", family: 6 },
  ]);
  expect(await resolve(["192.0.2.1"], false)).toBe("192.0.2.1");
});

test("an address of this host beside others is left out (S51)", async () => {
  expect(await resolve(["127.0.0.1", "192.0.2.1"], true)).toEqual([
    { address: "192.0.2.1", family: 4 },
  ]);
});

test.each([["127.0.0.1"], ["169.254.169.254"], ["::1"], ["fd00:ec2::254"]])(
  "a name that leads only to %s does not resolve (S51)",
  async (address) => {
    await expect(resolve([address], true)).rejects.toThrow("an address of this host or its cloud");
    await expect(resolve([address], false)).rejects.toThrow("a.example");
  },
);
