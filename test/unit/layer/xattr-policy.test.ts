import { describe, expect, it } from "vitest";
import { isKeptXattr } from "../../../src/layer/worker/xattr-policy.ts";

describe("an extended attribute of an archive", () => {
  it.each([
    "user.colour",
    "user.overlayish",
    "user.mime_type",
    "security.capability",
    "system.posix_acl_access",
    "system.posix_acl_default",
  ])("%s is kept", (name) => {
    expect(isKeptXattr(name)).toBe(true);
  });

  it.each([
    "user.overlay.opaque",
    "user.overlay.redirect",
    "user.overlay.metacopy",
    "user.overlay.overlay.opaque",
    "user.fuseoverlayfs.opaque",
    "user.containers.override_stat",
    "user.tsman.owner",
    "trusted.overlay.opaque",
    "trusted.anything",
    "security.selinux",
    "security.ima",
    "security.capability.x",
    "security.CAPABILITY",
    "system.nfs4_acl",
    "user.",
    "user",
    "",
    "colour",
  ])("%s is dropped", (name) => {
    expect(isKeptXattr(name)).toBe(false);
  });
});
