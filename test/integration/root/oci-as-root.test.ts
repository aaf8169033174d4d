import { randomUUID } from "node:crypto";
import { chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Config, OciBundles, ociPath } from "../oci-bundles.ts";
import { useStore } from "../support.ts";

// What a config.json may ask for with root's rights only.

const store = useStore();
let oci: OciBundles;
let scratch: string;

beforeAll(() => {
  oci = new OciBundles(store());
  // A tmpfs: its ids can be mapped (Linux 6.3).
  scratch = mkdtempSync(join("/dev/shm", "tsman-oci-"));
  mkdirSync(join(scratch, "below"));
  for (const name of ["file", "below/file"]) {
    writeFileSync(join(scratch, name), "x");
    chownSync(join(scratch, name), 1000, 1001);
  }
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const map = (containerID: number, hostID: number, size = 1) => [{ containerID, hostID, size }];
const owners = "busybox stat -c '%u %g' /mapped/file /mapped/below/file";

/** As a service's runtime would: no user namespace. */
const asHost = (config: Config): void => {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }: Config) => type !== "user");
  delete config.linux.uidMappings;
  delete config.linux.gidMappings;
};

/** A wrapper in which there is version 2 of control groups, wherever the tests run. */
const apart = (...commands: readonly string[]): readonly string[] => {
  const script = [
    "[ -e /sys/fs/cgroup/cgroup.controllers ] || { umount --recursive --lazy /sys/fs/cgroup",
    "mount -t cgroup2 none /sys/fs/cgroup; } || exit 77",
    ...commands,
  ].join("\n");
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"];
};

describe("a control group below the container's", () => {
  it("takes what is executed with --cgroup, if it is there", async () => {
    const name = `tsman-test-${randomUUID()}`;
    const group = `/sys/fs/cgroup/${name}`;
    const bundle = oci.bundle("below", "exec sleep 1000", (config) => {
      config.linux.cgroupsPath = `/${name}/one`;
    });
    const runtime = `${ociPath} --root ${oci.root}`;
    const wrapper = apart(
      '"$@" </dev/null >/dev/null 2>&1 || exit',
      `mkdir ${group}/one/low`,
      `${runtime} exec --cgroup low below busybox grep ^0:: /proc/self/cgroup`,
      `${runtime} exec --cgroup /../../low below busybox grep ^0:: /proc/self/cgroup`,
      `${runtime} exec --cgroup none below true 2>&1`,
      `${runtime} delete --force below; rmdir ${group}`,
    );
    const { stdout } = await oci.succeed(["run", "--detach", "--bundle", bundle, "below"], wrapper);
    const lines = stdout.split("\n");
    expect(lines.slice(0, 2).every((line) => /^0::\/.*\/?low$/.test(line))).toBe(true);
    expect(lines[2]).toContain("use --cgroup none: there is no such group in its own");
  });
});

describe("a control group that the container may write", () => {
  it("is the program's user's, but for the files that limit it", async () => {
    const name = `tsman-test-${randomUUID()}`;
    const group = `/sys/fs/cgroup/${name}`;
    const script =
      "cd /sys/fs/cgroup; busybox stat -c '%n %u' . cgroup.procs cgroup.max.depth; busybox mkdir below && echo made";
    const bundle = oci.bundle("owned", script, (config) => {
      config.process.user = { uid: 5, gid: 5 };
      config.linux.uidMappings = map(0, 100_000, 65_536);
      config.linux.gidMappings = map(0, 100_000, 65_536);
      config.linux.cgroupsPath = `/${name}/one`;
      config.mounts.push(
        { destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"] },
        { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" },
      );
    });
    const wrapper = apart(`"$@"; status=$?; rmdir ${group}; exit $status`);
    const { stdout } = await oci.succeed(["run", "--bundle", bundle, "owned"], wrapper);
    expect(stdout.split("\n")).toEqual([
      ...[". 5", "cgroup.procs 5", "cgroup.max.depth 65534", "made", ""],
    ]);
  });
});

describe("a mount with mapped ids of a config.json", () => {
  it("shows files as others', writes them as their owners', and leaves the host's alone", async () => {
    const printed = await oci.output(
      "mapped",
      `${owners}; busybox touch /mapped/new; busybox chown 5000:6000 /mapped/new; busybox chown 7:7 /mapped/new || echo refused`,
      (config) => {
        asHost(config);
        config.process.capabilities = Object.fromEntries(
          ["bounding", "permitted", "effective"].map((set) => [set, ["CAP_CHOWN"]]),
        );
        // Root of the container needs an id in the mount to make anything there.
        config.mounts.push({
          destination: "/mapped",
          type: "bind",
          source: scratch,
          options: ["bind"],
          uidMappings: [...map(1000, 5000), ...map(0, 0)],
          gidMappings: [...map(1001, 6000), ...map(0, 0)],
        });
      },
    );
    expect(printed).toBe("5000 6000\n5000 6000\nrefused\n");
    const { uid, gid } = statSync(join(scratch, "new"));
    expect([uid, gid]).toEqual([1000, 1001]);
    expect(statSync(join(scratch, "file")).uid).toBe(1000);
  });

  it("has the container's own map with idmap alone: files are there what they are on disk", async () => {
    const printed = await oci.output("own-map", owners, (config) => {
      config.linux.uidMappings = map(0, 100_000, 65_536);
      config.linux.gidMappings = map(0, 100_000, 65_536);
      config.mounts.push({
        destination: "/mapped",
        type: "bind",
        source: scratch,
        options: ["bind", "idmap"],
      });
    });
    expect(printed).toBe("1000 1001\n1000 1001\n");
  });

  it("is mapped by crun's own option as well, which Podman hands on", async () => {
    const printed = await oci.output("crun-map", owners, (config) => {
      asHost(config);
      config.mounts.push({
        destination: "/mapped",
        type: "bind",
        source: scratch,
        options: ["bind", "idmap=uids=1000-5000-1#0-0-1;gids=1001-6000-1#0-0-1"],
      });
    });
    expect(printed).toBe("5000 6000\n5000 6000\n");
  });

  it("is refused with its place where nothing is mapped", async () => {
    const bundle = oci.bundle("unmapped", "true", (config) => {
      asHost(config);
      config.mounts.push({
        destination: "/mapped",
        type: "bind",
        source: scratch,
        options: ["bind", "idmap"],
      });
    });
    const { status, stderr } = await oci.run(["run", "--bundle", bundle, "unmapped"]);
    expect(status).toBe(125);
    expect(stderr).toMatch(/\/mounts\/\d+\/options: idmap, and neither it nor the container maps/);
  });
});
