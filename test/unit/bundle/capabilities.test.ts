import { describe, expect, it } from "vitest";
import { defaultCapabilities, resolveCapabilities } from "../../../src/bundle/capabilities.ts";
import { capabilityMask } from "../../../src/oci/runtime-spec.ts";

const request = { add: [], drop: [], privileged: false, lastCapability: 40 };

describe("resolveCapabilities", () => {
  it("gives Podman's eleven by default, in the kernel's order", () => {
    const set = resolveCapabilities(request);
    expect(set.toSorted()).toEqual(defaultCapabilities.toSorted());
    expect(capabilityMask(set)).toBe("800405fb");
  });

  it("takes names with and without CAP_, in any case", () => {
    const add = ["net_raw", "CAP_SYS_PTRACE", "Cap_Mknod"];
    const set = resolveCapabilities({ ...request, add });
    expect(set).toEqual(
      expect.arrayContaining(["CAP_NET_RAW", "CAP_SYS_PTRACE", "CAP_MKNOD", "CAP_CHOWN"]),
    );
  });

  it("keeps only what is added when all are dropped", () => {
    expect(resolveCapabilities({ ...request, add: ["KILL"], drop: ["all"] })).toEqual(["CAP_KILL"]);
    expect(resolveCapabilities({ ...request, drop: ["ALL"] })).toEqual([]);
  });

  it("gives all that the kernel knows for ALL and --privileged, less what is dropped", () => {
    const all = resolveCapabilities({ ...request, add: ["ALL"], drop: ["SYS_ADMIN"] });
    expect(all).toHaveLength(40);
    expect(all).not.toContain("CAP_SYS_ADMIN");
    expect(resolveCapabilities({ ...request, privileged: true, lastCapability: 37 })).toHaveLength(
      38,
    );
  });

  it("refuses an unknown name", () => {
    expect(() => resolveCapabilities({ ...request, add: ["SYS_ROOT"] })).toThrow(
      'use --cap-add "SYS_ROOT": no such capability',
    );
    expect(() => resolveCapabilities({ ...request, drop: [""] })).toThrow("no such capability");
  });

  it("refuses a name that is both added and dropped", () => {
    expect(() => resolveCapabilities({ ...request, add: ["KILL"], drop: ["cap_kill"] })).toThrow(
      "both add and drop",
    );
  });

  it("refuses a capability that this kernel does not have", () => {
    expect(() => resolveCapabilities({ ...request, add: ["BPF"], lastCapability: 37 })).toThrow(
      "this kernel does not know it",
    );
  });
});
