import { describe, expect, it } from "vitest";
import { compileBundle } from "../../../src/bundle/compile-bundle.ts";
import { type ContainerOptions, defaultContainerOptions } from "../../../src/container/options.ts";
import { compilePlan } from "../../../src/runtime/compile-plan.ts";
import { explainPlan } from "../../../src/runtime/explain.ts";
import type { LaunchContext } from "../../../src/runtime/launch-context.ts";
import { imageOf, requestOf } from "../bundle/bundle-request.ts";

const explain = (options: Partial<ContainerOptions> = {}) => {
  const image = imageOf({ env: ["A=1"], user: "web", workingDir: "/srv" });
  const bundle = compileBundle(requestOf(options, { image }));
  const context: LaunchContext = {
    id: "c0ffee",
    rootfs: { driver: "overlay", lowers: ["/l"], upper: "/u", work: "/w", isVolatile: false },
    runDir: "/run/c",
    exitFile: "/c/exit",
    foreground: true,
    forwardStdin: false,
    hold: false,
    stopSignal: 15,
    stopTimeoutMs: 1,
    networkHelper: ["slirp4netns"],
    seccompFilter: new Uint8Array(80),
  };
  return explainPlan({
    name: "quiet_fern",
    bundle,
    context,
    plan: compilePlan(bundle, context),
    network: {
      mode: "slirp4netns",
      address: "10.0.2.100",
      ports: [
        { hostIp: "0.0.0.0", hostPort: 80, containerPort: 8080, protocol: "tcp", because: "-p" },
      ],
      warnings: ["careful"],
    },
  });
};

describe("explainPlan", () => {
  it("gives every part the option, image field or default behind it", () => {
    const document = explain({ capAdd: ["NET_RAW"], env: [["B", "2"]], hostname: "web" });
    expect(document.namespaces.map((one) => one.type)).toContain("network");
    expect(document.capabilities).toMatchObject({ because: "--cap-add NET_RAW" });
    expect(document.capabilities.missing).toContain("CAP_SYS_ADMIN");
    expect(document.process.user).toMatchObject({ value: "web", because: "image USER" });
    expect(document.process.cwd).toEqual({
      value: "/srv",
      isCreated: true,
      because: "image WORKDIR",
    });
    expect(document.process.env).toContainEqual({ name: "A", value: "1", because: "image ENV" });
    expect(document.process.env).toContainEqual({ name: "B", value: "2", because: "--env B" });
    expect(document.process.hostname).toEqual({ value: "web", because: "--hostname" });
    expect(document.idMap.uid[1]).toEqual({
      inside: 1,
      outside: 100_000,
      count: 65_536,
      because: "/etc/subuid",
    });
    expect(document.network).toMatchObject({
      helper: ["slirp4netns"],
      ports: [{ containerPort: 8080, because: "-p" }],
    });
    expect(document.seccomp).toMatchObject({ filter: { instructions: 10 }, because: "default" });
    expect(document.warnings).toContain("careful");
  });

  it("shows the files that are written, unless the user mounted something there", () => {
    expect(explain().files.map((file) => file.path)).toEqual([
      "/etc/hosts",
      "/etc/resolv.conf",
      "/etc/hostname",
      "/run/.containerenv",
    ]);
    const mounts: ContainerOptions["mounts"] = [
      {
        type: "bind",
        source: "/my/file",
        target: "/etc/hosts",
        readOnly: false,
        recursive: true,
        flags: [],
        chown: false,
      },
    ];
    expect(explain({ mounts }).files.map((file) => file.path)).not.toContain("/etc/hosts");
  });

  it("lists the plan's steps without its binary data, as plain JSON", () => {
    const document = explain();
    const filter = document.steps.find((step) => step.operation === "SECCOMP");
    expect(filter?.arguments[0]).toBe("<80 bytes>");
    expect(document.steps.map((step) => step.index)).toEqual(document.steps.map((_, i) => i));
    expect(JSON.parse(JSON.stringify(document)).steps).toHaveLength(document.steps.length);
  });

  it("says that there is no filter, and why", () => {
    expect(explain({ privileged: true }).seccomp).toEqual({ because: "--privileged: no filter" });
  });

  it("says who wants no new privileges, and that nobody does", () => {
    expect(explain().process.noNewPrivileges).toEqual({ value: false, because: "default" });
    const security = { ...defaultContainerOptions.security, noNewPrivileges: true };
    expect(explain({ security }).process.noNewPrivileges).toEqual({
      value: true,
      because: "--security-opt no-new-privileges",
    });
  });
});
