import { describe, expect, it } from "vitest";
import { parseReference } from "../../../src/oci/reference.ts";
import type { SignedIdentity } from "../../../src/trust/policy.ts";
import { identityFits } from "../../../src/trust/signed-identity.ts";

const digest = `sha256:${"a".repeat(64)}`;
const other = `sha256:${"b".repeat(64)}`;
const remap = (prefix: string, signedPrefix: string): SignedIdentity => ({
  type: "remapIdentity",
  prefix,
  signedPrefix,
});
const exactly = (dockerReference: string): SignedIdentity => ({
  type: "exactReference",
  dockerReference,
});
const repository = (dockerRepository: string): SignedIdentity => ({
  type: "exactRepository",
  dockerRepository,
});

// The cases of containers-policy.json(5), "signedIdentity".
describe("a signature is for an image", () => {
  it.each<[SignedIdentity, string, string, boolean]>([
    [{ type: "matchRepository" }, "a.b/c:1", "a.b/c", true],
    [{ type: "matchRepository" }, "a.b/c:1", "a.b/c:2", true],
    [{ type: "matchRepository" }, "a.b/c:1", "a.b/d:1", false],
    [{ type: "matchRepository" }, "a.b/c:1", "a.b/c/d", false],
    [{ type: "matchRepository" }, "alpine", "index.docker.io/library/alpine", true],
    [{ type: "matchExact" }, "a.b/c:1", "a.b/c:1", true],
    [{ type: "matchExact" }, "a.b/c:1", "a.b/c:2", false],
    [{ type: "matchExact" }, "a.b/c", "a.b/c", false],
    [{ type: "matchExact" }, `a.b/c@${digest}`, `a.b/c@${digest}`, true],
    [{ type: "matchExact" }, `a.b/c@${digest}`, `a.b/c@${other}`, false],
    [{ type: "matchExact" }, `a.b/c@${digest}`, "a.b/c:1", false],
    [{ type: "matchRepoDigestOrExact" }, "a.b/c:1", "a.b/c:1", true],
    [{ type: "matchRepoDigestOrExact" }, "a.b/c:1", "a.b/c:2", false],
    [{ type: "matchRepoDigestOrExact" }, "a.b/c:1", "a.b/c", false],
    [{ type: "matchRepoDigestOrExact" }, `a.b/c@${digest}`, "a.b/c:1", true],
    [{ type: "matchRepoDigestOrExact" }, `a.b/c@${digest}`, "a.b/d:1", false],
    [exactly("x.y/z:1"), "a.b/c:1", "x.y/z:1", true],
    [exactly("x.y/z:1"), "a.b/c:1", "x.y/z:2", false],
    [exactly("x.y/z:1"), "a.b/c:1", "a.b/c:1", false],
    [repository("x.y/z"), "a.b/c:1", "x.y/z:7", true],
    [repository("x.y/z"), "a.b/c:1", "a.b/c:1", false],
    [remap("mirror.lan/hub", "docker.io"), "mirror.lan/hub/a/b:1", "docker.io/a/b:1", true],
    [remap("mirror.lan/hub", "docker.io"), "mirror.lan/hub/a/b:1", "mirror.lan/hub/a/b:1", false],
    [remap("mirror.lan/hub", "docker.io"), "mirror.lan/hubble/a:1", "docker.io/ble/a:1", false],
    [remap("mirror.lan/hub", "docker.io"), "quay.io/a:1", "quay.io/a:1", true],
    [{ type: "matchRepository" }, "a.b/c:1", "", false],
    [{ type: "matchRepository" }, "a.b/c:1", "a.b/C", false],
  ])("%j: wanted %s, signed %s: %s", (identity, wanted, signed, fits) => {
    expect(identityFits(identity, parseReference(wanted), signed)).toBe(fits);
  });
});
