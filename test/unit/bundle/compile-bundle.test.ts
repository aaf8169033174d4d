import { describe, expect, it } from "vitest";
import { compileBundle } from "../../../src/bundle/compile-bundle.ts";
import { host, imageOf, requestOf, singleMapping } from "./bundle-request.ts";

const compile = (
  options: Parameters<typeof requestOf>[0] = {},
  overrides: Parameters<typeof requestOf>[1] = {},
) => compileBundle(requestOf(options, overrides));
const types = (bundle: ReturnType<typeof compile>) =>
  bundle.config.linux.namespaces.map((namespace) => namespace.type);

describe("compileBundle", () => {
  it("makes a configuration of plain data", () => {
    const { config } = compile();
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
    expect(config.ociVersion).toMatch(/^1\./);
  });

  it("has a reason for every namespace, mount, variable, limit and path", () => {
    const { config, origins } = compile({ capAdd: ["NET_RAW"], ulimits: [] });
    for (const [pointer, count] of [
      ["/linux/namespaces", config.linux.namespaces.length],
      ["/mounts", config.mounts.length],
      ["/process/env", config.process.env.length],
      ["/process/rlimits", config.process.rlimits.length],
      ["/linux/maskedPaths", config.linux.maskedPaths.length],
      ["/linux/readonlyPaths", config.linux.readonlyPaths.length],
    ] as const) {
      for (let index = 0; index < count; index++) {
        expect(origins?.[`${pointer}/${index}`], `${pointer}/${index}`).toBeTypeOf("string");
      }
    }
    expect(origins?.["/process/capabilities"]).toBe("--cap-add NET_RAW");
  });

  it("makes all seven namespaces by default", () => {
    expect(types(compile())).toEqual(["user", "mount", "pid", "ipc", "uts", "network", "cgroup"]);
  });

  it("leaves out those that are the host's", () => {
    const bundle = compile({
      network: { mode: "host" },
      pid: { mode: "host" },
      ipc: { mode: "host" },
      uts: { mode: "host" },
    });
    expect(types(bundle)).toEqual(["user", "mount", "cgroup"]);
    expect(bundle.config.hostname).toBeUndefined();
  });

  it("joins those of another container together with its user namespace", () => {
    const { linux } = compile(
      {
        network: { mode: "container", container: "db" },
        pid: { mode: "container", container: "db" },
      },
      { join: { container: "db", pid: 77, startTime: 9n } },
    ).config;
    expect(linux.namespaces).toEqual([
      { type: "user", path: "/proc/77/ns/user" },
      { type: "mount" },
      { type: "pid", path: "/proc/77/ns/pid" },
      { type: "ipc" },
      { type: "uts" },
      { type: "network", path: "/proc/77/ns/net" },
      { type: "cgroup" },
    ]);
  });

  it("refuses to join two containers, or one with a mapping of its own", () => {
    const join = { container: "db", pid: 77, startTime: 9n };
    expect(() =>
      compile(
        {
          network: { mode: "container", container: "db" },
          ipc: { mode: "container", container: "web" },
        },
        { join },
      ),
    ).toThrow("different user namespaces");
    expect(() =>
      compile(
        { pid: { mode: "container", container: "db" }, userns: { mode: "keep-id" } },
        { join },
      ),
    ).toThrow("use --userns keep-id");
  });

  it("never makes anything inheritable or ambient (S19)", () => {
    for (const options of [{}, { privileged: true }, { capAdd: ["ALL"] }, { user: "5" }]) {
      const { capabilities } = compile(options).config.process;
      expect(capabilities.inheritable).toEqual([]);
      expect(capabilities.ambient).toEqual([]);
    }
  });

  it("gives a user other than root no capability, and says when one was asked for", () => {
    const bundle = compile({ user: "5", capAdd: ["NET_RAW"] });
    expect(bundle.config.process.capabilities.effective).toEqual([]);
    expect(bundle.config.process.capabilities.bounding).toContain("CAP_NET_RAW");
    expect(bundle.warnings[0]).toContain("--cap-add NET_RAW");
  });

  it("refuses ids that the mapping does not have, with the remedy", () => {
    expect(() => compile({ user: "70000" })).toThrow("uid 70000 is not mapped");
    expect(() => compile({ user: "0:70000" })).toThrow("gid 70000 is not mapped");
    const single = { mapping: singleMapping };
    const hint = "the container has one id only: no /etc/subuid entry; add one";
    for (const user of ["1000", "0:1000"]) {
      expect(() => compile({ user }, single)).toThrow(expect.objectContaining({ hint }));
    }
  });

  it("says that an image is for another machine, unless that was asked for", () => {
    const image = { ...imageOf(), architecture: "arm64", variant: "v8" };
    const overrides = { image, imageName: "localhost/other:latest" };
    expect(compile({}, overrides).warnings).toEqual([
      expect.stringMatching(
        /^image localhost\/other:latest is for linux\/arm64\/v8, .* linux\/amd64/,
      ),
    ]);
    const platform = { os: "linux", architecture: "arm64" };
    expect(compile({ platform }, overrides).warnings).toEqual([]);
    expect(compile({}, { ...overrides, architecture: "arm64" }).warnings).toEqual([]);
  });

  it("filters system calls, except when told not to and with --privileged", () => {
    const unconfined = {
      security: {
        noNewPrivileges: false,
        seccomp: "unconfined",
        mask: [],
        unmask: [],
        labels: [],
      },
    };
    expect(compile().config.linux.seccomp?.defaultAction).toBe("SCMP_ACT_ERRNO");
    expect(compile(unconfined).config.linux.seccomp).toBeUndefined();
    const privileged = compile({ privileged: true });
    expect(privileged.config.linux.seccomp).toBeUndefined();
    expect(privileged.warnings.join()).toContain("--privileged");
  });

  it("takes the profile of --security-opt seccomp=FILE, with --privileged too", () => {
    const security = {
      noNewPrivileges: true,
      seccomp: "/p.json",
      mask: [],
      unmask: [],
      labels: [],
    };
    const seccompProfile = { defaultAction: "SCMP_ACT_ALLOW" as const, rules: [] };
    const options = {
      security: { ...security, mask: ["/x"] },
      privileged: true,
      capDrop: ["CHOWN"],
    };
    const bundle = compile(options, { seccompProfile });
    expect(bundle.warnings).toContain(
      "--privileged: all capabilities of the user namespace that --cap-drop leaves, nothing masked but what mask= names",
    );
    expect(bundle.config.linux.seccomp?.defaultAction).toBe("SCMP_ACT_ALLOW");
    expect(bundle.config.process.noNewPrivileges).toBe(true);
  });

  it("refuses a label or profile that would be needed and cannot be applied (S33)", () => {
    const security = (rest: object) => ({
      noNewPrivileges: false,
      seccomp: "default",
      mask: [],
      unmask: [],
      labels: [],
      ...rest,
    });
    const armored = { host: { ...host, securityModules: ["apparmor", "selinux"] } };
    const profiled = compile({ security: security({ apparmor: "mine" }) }, armored);
    expect(profiled.warnings).toEqual([]);
    expect(profiled.config.process.apparmorProfile).toBe("mine");
    expect(
      compile({ security: security({ apparmor: "mine" }) }).config.process.apparmorProfile,
    ).toBeUndefined();
    expect(() => compile({ security: security({ labels: ["type:x"] }) }, armored)).toThrow(
      "sets no SELinux labels",
    );
    expect(compile({ security: security({ labels: ["disable"] }) }, armored).warnings).toEqual([]);
    expect(compile({ security: security({ apparmor: "unconfined" }) }, armored).warnings).toEqual(
      [],
    );
    expect(compile({ security: security({ apparmor: "mine" }) }).warnings).toHaveLength(1);
  });

  it("passes on umask, OOM score, --init, terminal, annotations and the working directory", () => {
    const bundle = compile(
      { umask: 0o077, oomScoreAdj: 500, init: true, tty: true, annotations: { a: "b" } },
      { image: imageOf({ workingDir: "/srv" }) },
    );
    const { process, annotations } = bundle.config;
    expect(process.user.umask).toBe(0o077);
    expect(process).toMatchObject({ oomScoreAdj: 500, terminal: true, cwd: "/srv" });
    expect(bundle).toMatchObject({ useInit: true, createWorkdir: true });
    expect(annotations).toEqual({ a: "b" });
    expect(() => compile({ oomScoreAdj: 1001 })).toThrow("not from -1000 to 1000");
  });

  it("puts no label of the image to any use (S68)", () => {
    const labels = { "io.tsman.privileged": "true", "run.oci.handler": "krun" };
    const bundle = compile({}, { image: imageOf({ labels }) });
    expect(JSON.stringify(bundle.config)).not.toMatch(/krun|io\.tsman/);
  });
});

describe("devices", () => {
  const paths = (bundle: ReturnType<typeof compile>) => bundle.devices.map((one) => one.path);
  const standard = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
  ];

  it("are the six standard nodes and the usual links", () => {
    const bundle = compile();
    expect(paths(bundle)).toEqual(standard);
    expect(bundle.symlinks).toContainEqual({ target: "pts/ptmx", path: "/dev/ptmx" });
  });

  it("are all that the caller may open with --privileged, but never its terminals", () => {
    const reachableDevices = ["/dev/kvm", "/dev/ptmx", "/dev/console", "/dev/null"];
    const bundle = compile({ privileged: true }, { host: { ...host, reachableDevices } });
    expect(paths(bundle)).toEqual([...standard, "/dev/kvm"]);
  });

  it("take those of --device, a directory standing for what is in it", () => {
    const deviceNodes = { "/dev/kvm": [""], "/dev/dri": ["card0", "by-path/x"] };
    const request = (hostPath: string, containerPath: string, permissions = "rwm") => ({
      hostPath,
      containerPath,
      permissions,
    });
    const bundle = compile(
      { devices: [request("/dev/kvm", "/dev/virt"), request("/dev/dri", "/dev/dri", "r")] },
      { host: { ...host, deviceNodes } },
    );
    expect(bundle.devices.slice(6)).toEqual([
      { hostPath: "/dev/kvm", path: "/dev/virt" },
      { hostPath: "/dev/dri/card0", path: "/dev/dri/card0" },
      { hostPath: "/dev/dri/by-path/x", path: "/dev/dri/by-path/x" },
    ]);
    expect(bundle.warnings).toHaveLength(1);
    expect(() => compile({ devices: [request("/etc/passwd", "/dev/x")] })).toThrow("not a device");
    const facts = { host: { ...host, deviceNodes } };
    expect(() => compile({ devices: [request("/dev/kvm", "dev/x")] }, facts)).toThrow("relative");
    expect(() => compile({ devices: [request("/dev/kvm", "/dev/x", "rx")] }, facts)).toThrow(
      "are not of r, w and m",
    );
  });
});
