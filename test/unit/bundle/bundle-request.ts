import type { BundleRequest, HostFacts, MappingFacts } from "../../../src/bundle/bundle.ts";
import { type ContainerOptions, defaultContainerOptions } from "../../../src/container/options.ts";
import type { ImageConfig, ImageExecution } from "../../../src/oci/image-config.ts";

/** An ordinary host: unified control groups, nothing covered, no security module. */
export const host: HostFacts = {
  uid: 1000,
  gid: 1000,
  hostname: "laptop",
  cgroup: "unified",
  canMountProc: true,
  canMountSysfs: true,
  isFiltered: false,
  hasMqueue: true,
  hasShm: true,
  lastCapability: 40,
  nofileLimit: 524_288,
  nprocLimit: -1,
  thermalThrottlePaths: [],
  securityModules: [],
  reachableDevices: [],
  deviceNodes: {},
};

/** The caller as container 0 and a subordinate range behind it. */
export const mapping: MappingFacts = {
  uid: [
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 100_000, count: 65_536 },
  ],
  gid: [
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 100_000, count: 65_536 },
  ],
  tools: { newuidmap: "/usr/bin/newuidmap", newgidmap: "/usr/bin/newgidmap" },
  denySetgroups: false,
  single: false,
  because: "/etc/subuid",
};

/** Only one id: no subordinate range. */
export const singleMapping: MappingFacts = {
  uid: [{ inside: 0, outside: 1000, count: 1 }],
  gid: [{ inside: 0, outside: 1000, count: 1 }],
  denySetgroups: true,
  single: true,
  because: "one id only: no /etc/subuid entry",
  remedy: "add one",
};

/** An image with these fields. */
export function imageOf(config: Partial<ImageExecution> = {}): ImageConfig {
  return {
    os: "linux",
    architecture: "amd64",
    config: {
      user: "",
      env: [],
      entrypoint: null,
      cmd: ["/bin/sh"],
      workingDir: "",
      labels: {},
      exposedPorts: [],
      volumes: [],
      ...config,
    },
    rootfs: { diffIds: [] },
    history: [],
  };
}

/** Options that differ from the defaults in these. */
export function optionsOf(overrides: Partial<ContainerOptions> = {}): ContainerOptions {
  return { ...defaultContainerOptions, ...overrides };
}

/** A request for these options. */
export function requestOf(
  options: Partial<ContainerOptions> = {},
  overrides: Partial<BundleRequest> = {},
): BundleRequest {
  return {
    id: "0123456789abcdef".repeat(4),
    name: "quiet_fern",
    options: optionsOf(options),
    image: imageOf(),
    mapping,
    host,
    dir: "/store/containers/c",
    rootPath: "/store/containers/c/merged",
    volumes: {},
    network: { hosts: "127.0.0.1\tlocalhost\n", resolvConf: "nameserver 10.0.2.3\n" },
    architecture: "amd64",
    kernelRelease: "6.1.0-18-amd64",
    ...overrides,
  };
}
