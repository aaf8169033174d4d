import { describe, expect, it } from "vitest";
import { compileBundle } from "../../../src/bundle/compile-bundle.ts";
import type { ContainerOptions } from "../../../src/container/options.ts";
import { defaultContainerOptions } from "../../../src/container/options.ts";
import { host, requestOf } from "./bundle-request.ts";

/** The options of /proc with these of --security-opt proc-opts. */
function procOf(
  procOptions: readonly string[],
  options: Partial<ContainerOptions> = {},
  canMountProc = true,
): readonly string[] {
  const security = { ...defaultContainerOptions.security, procOptions };
  const request = requestOf({ security, ...options }, { host: { ...host, canMountProc } });
  const { mounts } = compileBundle(request).config;
  return mounts.find(({ destination }) => destination === "/proc")?.options ?? [];
}

describe("--security-opt proc-opts", () => {
  it("are options of the container's own /proc, besides those that it always has", () => {
    expect(procOf(["hidepid=2", "gid=5"])).toEqual(
      expect.arrayContaining(["nosuid", "noexec", "nodev", "hidepid=2", "gid=5"]),
    );
    expect(procOf([])).not.toContain("hidepid=2");
  });

  it.each(["hidepid=9", "x", "subset=pid", "", "suid", "hidepid=2 x"])(
    "%j is refused",
    (option) => {
      expect(() => procOf([option])).toThrow("is no option that /proc can have");
    },
  );

  it("are refused where /proc is the host's", () => {
    expect(() => procOf(["hidepid=2"], { pid: { mode: "host" } })).toThrow("with --pid host");
    expect(() => procOf(["hidepid=2"], {}, false)).toThrow("where parts of it are covered");
  });
});
