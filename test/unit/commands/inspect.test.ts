import { describe, expect, test } from "vitest";
import { defaultContainerOptions } from "../../../src/container/options.ts";
import type { ContainerDetails, ImageDetails } from "../../../src/engine/types.ts";
import { parseImageConfig } from "../../../src/oci/image-config.ts";
import { run } from "../cli/fake-context.ts";
import { container, image } from "./sample.ts";

function details(changes: Partial<ContainerDetails> = {}): ContainerDetails {
  return {
    ...container(),
    pid: 42,
    options: {
      ...defaultContainerOptions,
      image: "nginx",
      capAdd: ["net_raw"],
      addHosts: [{ name: "db", address: "10.0.0.1" }],
      annotations: { note: "x" },
    },
    imageDigest: `sha256:${"cd".repeat(32)}`,
    environment: ["A=1"],
    workdir: "/srv",
    user: "www",
    entrypoint: ["nginx"],
    arguments: ["-g", "daemon off;"],
    hostname: "web",
    umask: 0o022,
    mountPoints: [
      {
        type: "bind",
        source: "/host",
        destination: "/src",
        readOnly: true,
        options: ["rbind"],
        propagation: "rprivate",
      },
      {
        type: "volume",
        name: "data",
        source: "/store/volumes/data/_data",
        destination: "/data",
        readOnly: false,
        options: ["nosuid"],
        propagation: "rprivate",
      },
      {
        type: "tmpfs",
        source: "",
        destination: "/scratch",
        readOnly: false,
        options: ["size=1m"],
        propagation: "",
      },
    ],
    anonymousVolumes: [],
    exposedPorts: ["80/tcp", "443/tcp"],
    stopSignal: "SIGQUIT",
    ipAddress: "10.0.2.100",
    ipPrefixLength: 24,
    gateway: "10.0.2.2",
    sandbox: "/proc/42/ns/net",
    capabilities: { effective: ["CAP_CHOWN"], bounding: ["CAP_CHOWN", "CAP_NET_RAW"] },
    rlimits: [{ name: "RLIMIT_NOFILE", soft: 1, hard: 2 }],
    maskedPaths: ["/proc/kcore"],
    readonlyPaths: ["/proc/sys"],
    idMapping: { uid: [{ containerId: 0, hostId: 1000, size: 1 }], gid: [] },
    dependencies: [],
    execIds: ["e1"],
    monitorPid: 41,
    paths: {
      directory: "/store/containers/x",
      ociConfig: "/store/containers/x/config.json",
      monitor: "/run/x/monitor",
      log: "/store/containers/x/ctr.log",
    },
    driver: "overlay",
    rootfs: { lowers: ["/l2", "/l1"], upper: "/u", work: "/w" },
    ...changes,
  };
}

const config = {
  os: "linux",
  architecture: "amd64",
  author: "me",
  config: { Env: ["PATH=/bin"], Cmd: ["sh"], ExposedPorts: { "80/tcp": {} }, User: "u" },
  rootfs: { type: "layers", diff_ids: [`sha256:${"11".repeat(32)}`] },
  history: [{ created_by: "layer 1", comment: "c" }],
};

const alpine: ImageDetails = {
  ...image(),
  config: parseImageConfig(Buffer.from(JSON.stringify(config))),
  manifestType: "application/vnd.oci.image.manifest.v1+json",
  annotations: {},
  rootfs: { lowers: ["/l1"] },
};

/** `tsman ARGV` over one container, "web", and one image, "alpine". */
function tsman(argv: string[], changes: Partial<ContainerDetails> = {}) {
  const one = details(changes);
  return run(argv, {
    containers: {
      find: async (name) => (name === "web" || name === one.id ? one : undefined),
      inspect: async (_, options) =>
        options?.size === true ? { ...one, size: { writable: 3, rootfs: 10 } } : one,
      list: async () => [one],
    },
    images: { find: async (name) => (name === "alpine" ? alpine : undefined) },
    manifests: { find: async () => undefined },
  });
}

async function documentsOf(argv: string[], changes: Partial<ContainerDetails> = {}) {
  return JSON.parse((await tsman(argv, changes)).stdout) as Record<string, never>[];
}

describe("inspect of a container", () => {
  test("has the members that scripts for Docker and for Podman read", async () => {
    expect(await documentsOf(["inspect", "web"])).toMatchObject([
      {
        Id: container().id,
        Name: "web",
        Path: "nginx",
        Args: ["-g", "daemon off;"],
        Image: "ab".repeat(32),
        ImageDigest: `sha256:${"cd".repeat(32)}`,
        ImageName: "docker.io/library/nginx:latest",
        State: {
          Status: "running",
          Running: true,
          Paused: false,
          Restarting: false,
          OOMKilled: false,
          Dead: false,
          Pid: 42,
          ConmonPid: 41,
          ExitCode: 0,
          Error: "",
          StartedAt: "2026-01-01T11:59:00Z",
          FinishedAt: "0001-01-01T00:00:00Z",
          Health: { Status: "", FailingStreak: 0, Log: null },
        },
        RestartCount: 0,
        LogPath: "/store/containers/x/ctr.log",
        EffectiveCaps: ["CAP_CHOWN"],
        BoundingCaps: ["CAP_CHOWN", "CAP_NET_RAW"],
        ExecIDs: ["e1"],
        GraphDriver: {
          Name: "overlay",
          Data: { LowerDir: "/l2:/l1", UpperDir: "/u", WorkDir: "/w" },
        },
        Mounts: [
          {
            Type: "bind",
            Source: "/host",
            Destination: "/src",
            RW: false,
            Propagation: "rprivate",
            Options: ["rbind"],
          },
          { Type: "volume", Name: "data", Driver: "local", Destination: "/data", RW: true },
        ],
        NetworkSettings: {
          IPAddress: "10.0.2.100",
          IPPrefixLen: 24,
          Gateway: "10.0.2.2",
          SandboxKey: "/proc/42/ns/net",
          Ports: { "80/tcp": [{ HostIp: "", HostPort: "8080" }], "443/tcp": null },
          Networks: { slirp4netns: { IPAddress: "10.0.2.100", Gateway: "10.0.2.2" } },
        },
        Config: {
          Hostname: "web",
          User: "www",
          Env: ["A=1"],
          Entrypoint: ["nginx"],
          Cmd: ["-g", "daemon off;"],
          ExposedPorts: { "80/tcp": {}, "443/tcp": {} },
          WorkingDir: "/srv",
          Labels: { tier: "front" },
          Annotations: { note: "x" },
          StopSignal: "SIGQUIT",
          StopTimeout: 10,
          Umask: "0022",
        },
        HostConfig: {
          Binds: ["/host:/src:ro,rprivate,rbind", "data:/data:rw,rprivate,nosuid"],
          Tmpfs: { "/scratch": "size=1m" },
          NetworkMode: "slirp4netns",
          PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }] },
          CapAdd: ["CAP_NET_RAW"],
          ExtraHosts: ["db:10.0.0.1"],
          IpcMode: "private",
          IDMappings: { UidMap: ["0:1000:1"], GidMap: [] },
          Memory: 0,
          ShmSize: 65_536_000,
          Ulimits: [{ Name: "RLIMIT_NOFILE", Soft: 1, Hard: 2 }],
        },
      },
    ]);
  });

  test("says that an exit status is not known, and never makes one up", async () => {
    const lost = { state: "stopped", pid: undefined, exitCode: undefined } as const;
    expect(await documentsOf(["inspect", "web"], lost)).toMatchObject([
      { State: { Status: "exited", Running: false, Pid: 0, ExitCode: null } },
    ]);
  });

  test("shows how its health check went", async () => {
    const healthState = {
      status: "unhealthy" as const,
      failingStreak: 2,
      log: [{ start: "s", end: "e", exitCode: 1, output: "no" }],
    };
    const healthcheck = { test: ["CMD", "true"], interval: 1e9 };
    const [document] = await documentsOf(["inspect", "web"], { healthState, healthcheck });
    expect(document).toMatchObject({
      State: {
        Health: {
          Status: "unhealthy",
          FailingStreak: 2,
          Log: [{ Start: "s", End: "e", ExitCode: 1, Output: "no" }],
        },
      },
      Config: { Healthcheck: { Test: ["CMD", "true"], Interval: 1e9 } },
    });
  });

  test("--size adds the sizes of its files", async () => {
    expect(await documentsOf(["inspect", "--size", "web"])).toMatchObject([
      { SizeRw: 3, SizeRootFs: 10 },
    ]);
    expect(Object.keys((await documentsOf(["inspect", "web"]))[0] ?? {})).not.toContain("SizeRw");
  });

  test.each([
    ["{{.State.Status}} {{.Config.Labels.tier}}", "running front\n"],
    ['{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', "8080\n"],
    [
      "{{range $p, $c := .NetworkSettings.Ports}}{{$p}}={{range $c}}{{.HostPort}}{{end}};{{end}}",
      "443/tcp=;80/tcp=8080;\n",
    ],
    ["{{range .Mounts}}{{.Destination}} {{end}}", "/src /data \n"],
    ["{{.NetworkSettings.Networks.slirp4netns.IPAddress}}", "10.0.2.100\n"],
    [
      "{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{$v.Gateway}}{{end}}",
      "slirp4netns 10.0.2.2\n",
    ],
    ["{{json .State.Health}}", '{"Status":"","FailingStreak":0,"Log":null}\n'],
    ["{{.Config.Timezone}}{{if .Config.Healthcheck}}checked{{end}}", "\n"],
    ['{{index .HostConfig.Tmpfs "/nothing"}}{{.GraphDriver.Data.UpperDir}}', "/u\n"],
  ])("--format %s", async (format, expected) => {
    expect((await tsman(["inspect", "--format", format, "web"])).stdout).toBe(expected);
  });

  test("a wrong field is refused with those that there are", async () => {
    const { status, stderr } = await tsman(["inspect", "-f", "{{.State.Bogus}}", "web"]);
    expect(status).toBe(125);
    expect(stderr).toContain("no field .Bogus; there are .OciVersion .Status .Running");
  });
});

describe("inspect of an image", () => {
  test("has the members that scripts for Docker and for Podman read", async () => {
    expect(await documentsOf(["image", "inspect", "alpine"])).toMatchObject([
      {
        Id: "ab".repeat(32),
        Digest: `sha256:${"cd".repeat(32)}`,
        RepoTags: ["docker.io/library/alpine:latest"],
        RepoDigests: [`docker.io/library/alpine@sha256:${"cd".repeat(32)}`],
        Os: "linux",
        Architecture: "amd64",
        Author: "me",
        Comment: "c",
        Size: 7_660_000,
        VirtualSize: 7_660_000,
        Config: { User: "u", Env: ["PATH=/bin"], Cmd: ["sh"], ExposedPorts: { "80/tcp": {} } },
        GraphDriver: { Name: "overlay", Data: { UpperDir: "/l1" } },
        RootFS: { Type: "layers", Layers: [`sha256:${"11".repeat(32)}`] },
        Labels: null,
        ManifestType: "application/vnd.oci.image.manifest.v1+json",
        History: [{ created_by: "layer 1", comment: "c" }],
      },
    ]);
  });

  test("a template may ask for what the image does not say", async () => {
    const format =
      '{{.Config.Labels}}{{.Config.Entrypoint}}{{index .Config.Volumes "/x"}}|{{.Config.WorkingDir}}';
    const { stdout } = await tsman(["inspect", "-f", format, "alpine"]);
    expect(stdout).toBe("map[][]{}|\n");
  });
});

test("what a container does not have is null in JSON and empty in templates", async () => {
  const format =
    "{{.Config.OnBuild}}{{json .Config.OnBuild}}{{len .Config.OnBuild}}{{.Config.Volumes}}" +
    "{{.HostConfig.Links}}{{if .Config.OnBuild}}yes{{end}}";
  expect((await tsman(["inspect", "-f", format, "web"])).stdout).toBe("[]null0map[][]\n");
  const [document] = JSON.parse((await tsman(["inspect", "web"])).stdout) as [
    { readonly Config: { readonly OnBuild: unknown; readonly Volumes: unknown } },
  ];
  expect(document.Config).toMatchObject({ OnBuild: null, Volumes: null });
});

describe("inspect", () => {
  test("prints what is found when something is not, and says so by 125", async () => {
    const { status, stdout, stderr } = await tsman(["inspect", "gone", "web", "nor", "alpine"]);
    expect(status).toBe(125);
    const found = JSON.parse(stdout) as { Id: string }[];
    expect(found.map(({ Id }) => Id)).toEqual([container().id, "ab".repeat(32)]);
    expect(stderr).toContain("inspect gone: no such container or image");
    expect(stderr).toContain("inspect nor: no such container or image");
    const named = await tsman(["inspect", "-f", "{{.Name}}", "gone", "web"]);
    expect([named.status, named.stdout]).toEqual([125, "web\n"]);
  });

  test("prints an empty list when nothing is found", async () => {
    expect((await tsman(["inspect", "gone"])).stdout).toBe("[]\n");
  });

  test("--type looks for that kind only", async () => {
    expect((await tsman(["inspect", "--type", "image", "web"])).stderr).toContain("no such image");
    expect((await tsman(["inspect", "-t", "container", "alpine"])).stderr).toContain(
      "no such container",
    );
    expect((await tsman(["container", "inspect", "alpine"])).status).toBe(125);
    expect((await tsman(["image", "inspect", "web"])).status).toBe(125);
  });

  test("--latest takes the container that was made last", async () => {
    expect((await tsman(["inspect", "-l", "-f", "{{.Name}}"])).stdout).toBe("web\n");
  });

  test.each([
    [["inspect"], "nothing is named"],
    [["inspect", "-l", "web"], "--latest and names exclude each other"],
    [["inspect", "-t", "pod", "x"], "a pod is nothing that can be inspected yet"],
    [["inspect", "-t", "what", "x"], "use one of: all, container, image"],
    [["image", "inspect"], "is missing"],
  ])("%j is refused", async (argv, why) => {
    const { status, stderr } = await tsman(argv);
    expect(status).toBe(125);
    expect(stderr).toContain(why);
  });
});
