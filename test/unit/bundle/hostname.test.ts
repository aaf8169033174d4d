import { describe, expect, it } from "vitest";
import { resolveHostname } from "../../../src/bundle/hostname.ts";
import { optionsOf } from "./bundle-request.ts";

const id = "0123456789abcdef0000";
const host = { hostname: "laptop" };

describe("resolveHostname", () => {
  it("is the short id by default", () => {
    expect(resolveHostname(optionsOf(), id, host)).toMatchObject({
      name: "0123456789ab",
      isSet: true,
    });
  });

  it("is the host's with --network host, and is not set with --uts host", () => {
    const network = optionsOf({ network: { mode: "host" } });
    expect(resolveHostname(network, id, host)).toMatchObject({ name: "laptop", isSet: true });
    const uts = optionsOf({ uts: { mode: "host" } });
    expect(resolveHostname(uts, id, host)).toMatchObject({ name: "laptop", isSet: false });
  });

  it("is the other container's with --uts container:NAME", () => {
    const options = optionsOf({ uts: { mode: "container", container: "db" } });
    expect(resolveHostname(options, id, host, "dbhost")).toMatchObject({
      name: "dbhost",
      isSet: false,
    });
  });

  it("does not try to set a host's name that no container could have", () => {
    const options = optionsOf({ network: { mode: "host" } });
    expect(resolveHostname(options, id, { hostname: "(none)" }).name).toBe("0123456789ab");
  });

  it.each(["", "-x", "x-", "a b", "a/b", "ä", "a\n", "x".repeat(65)])("refuses %j", (hostname) => {
    expect(() => resolveHostname(optionsOf({ hostname }), id, host)).toThrow("use --hostname");
  });

  it("refuses --hostname in a uts namespace that is not the container's", () => {
    const options = optionsOf({ hostname: "web", uts: { mode: "host" } });
    expect(() => resolveHostname(options, id, host)).toThrow("not the container's");
  });
});
