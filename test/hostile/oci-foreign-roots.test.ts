import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { OciBundles } from "../integration/oci-bundles.ts";
import { useStore } from "../integration/support.ts";
import { isAlive } from "../support/proc.ts";

// S94: where the OCI runtime finds its containers, whose hooks it runs and whose processes it ends.
const store = useStore();
let oci: OciBundles;

beforeAll(() => {
  oci = new OciBundles(store());
});

/** A directory that anybody may write to, whatever the umask. */
function openDirectory(name: string): string {
  const directory = oci.file(name);
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  return directory;
}

/** What a stopped container leaves, with a hook for its end. */
function plant(directory: string, marker: string): void {
  mkdirSync(directory);
  const record = {
    ociVersion: "1.2.0",
    id: "evil",
    bundle: "/",
    rootfs: "/",
    created: "2026-01-01T00:00:00Z",
    owner: "",
    annotations: {},
    walls: { bounding: "0", noNewPrivileges: false, hasFilter: false },
    hasOwnPids: true,
    hooks: { poststart: false, poststop: true },
  };
  const config = {
    ociVersion: "1.2.0",
    root: { path: "/" },
    process: { args: ["x"], cwd: "/" },
    linux: {},
    hooks: { poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo >${marker}`] }] },
  };
  writeFileSync(join(directory, "container.json"), JSON.stringify(record));
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  writeFileSync(join(directory, "created"), "");
}

describe("a --root", () => {
  it("that others may write to is refused, and no hook in it runs", async () => {
    const root = openDirectory("open-root");
    const marker = oci.file("open-root-marker");
    plant(join(root, "evil"), marker);
    for (const words of [["delete", "--force", "evil"], ["state", "evil"], ["list"]]) {
      const { status, stderr } = await oci.run(["--root", root, ...words]);
      expect(stderr).toContain(`${root}: others may write to it (mode 0777)`);
      expect(status).toBe(1);
    }
    const bundle = oci.bundle("open-root", "true");
    const { status, stderr } = await oci.run(["--root", root, "run", "--bundle", bundle, "one"]);
    expect(stderr).toContain("choose one of your own with --root");
    expect(status).not.toBe(0);
    expect(existsSync(marker)).toBe(false);
  });

  it("that is a symbolic link, or another's, is refused", async () => {
    const link = oci.file("link-root");
    symlinkSync(oci.root, link);
    expect((await oci.run(["--root", `${link}/`, "list"])).stderr).toContain("a symbolic link");
    expect((await oci.run(["--root", "/etc", "list"])).stderr).toContain("owned by uid 0");
  });

  it("is the caller's own for one that is root of a user namespace", async () => {
    const bundle = oci.bundle("mapped", "echo ran", ({ linux }) => {
      linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
      linux.gidMappings = linux.uidMappings;
    });
    const wrapper = ["unshare", "--user", "--map-root-user"];
    const { stdout } = await oci.succeed(["run", "--bundle", bundle, "mapped"], wrapper);
    expect(stdout).toBe("ran\n");
  });
});

describe("a container's directory", () => {
  it("that others may write to is refused, and not listed", async () => {
    const marker = oci.file("entry-marker");
    const directory = join(oci.root, "evil");
    mkdirSync(oci.root, { recursive: true, mode: 0o700 });
    plant(directory, marker);
    expect((await oci.succeed(["list", "--quiet"])).stdout).toBe("evil\n");
    chmodSync(directory, 0o777);
    const { status, stderr } = await oci.run(["delete", "--force", "evil"]);
    expect(stderr).toContain(`${directory}: others may write to it`);
    expect(status).toBe(1);
    expect((await oci.succeed(["list", "--quiet"])).stdout).toBe("");
    expect(existsSync(marker)).toBe(false);
    chmodSync(directory, 0o700);
    await oci.succeed(["delete", "--force", "evil"]);
    expect(existsSync(marker)).toBe(true);
  });

  it("ends no process that a file, and no control group, has in it", async () => {
    const victim = spawn("sleep", ["1000"], { stdio: "ignore" });
    try {
      const fake = oci.file("fake-group");
      mkdirSync(fake);
      writeFileSync(join(fake, "cgroup.procs"), `${victim.pid}\n`);
      const directory = join(oci.root, "abandoned");
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      // Of nobody who lives: pid_max is 2^22.
      writeFileSync(join(directory, "maker"), "99999999 1\n");
      writeFileSync(join(directory, "cgroup"), `${fake}\n\n`);
      expect(await oci.output("sweeper", "echo ran")).toBe("ran\n");
      expect(existsSync(directory)).toBe(false);
      expect(isAlive(victim.pid ?? 0)).toBe(true);
      expect(victim.signalCode).toBe(null);
    } finally {
      victim.kill("SIGKILL");
      await once(victim, "exit");
    }
  });
});

describe("an XDG_RUNTIME_DIR", () => {
  it.each([
    ["0700", true, 0o700],
    ["0711", true, 0o711],
    ["0755", true, 0o755],
    ["0720", false, 0o720],
    ["0777", false, 0o777],
  ])("of mode %s holds containers: %s", async (name, isUsed, mode) => {
    const directory = oci.file(`runtime-${name}`);
    mkdirSync(directory);
    chmodSync(directory, mode);
    const wrapper = ["env", "--unset=TSMAN_RUNTIME_DIR", `XDG_RUNTIME_DIR=${directory}`];
    // The hint says where it was looked for.
    const { stderr } = await oci.run(["--root", "", "state", "none"], wrapper);
    expect(stderr).toContain("container does not exist");
    expect(stderr.includes(`${directory}/tsman-oci`)).toBe(isUsed);
  });
});
