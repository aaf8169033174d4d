import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { childrenOf, commandLineOf, findProcesses } from "../support/proc.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// S26: CVE-2021-3602, CVE-2020-14370 (the caller's environment gets into containers).  S30:
// CVE-2025-24965, CVE-2024-0132, CVE-2025-23266 (what the image says steers a program of the host).
const stage = useStage();

const secrets = {
  AWS_SECRET_ACCESS_KEY: "hunter2",
  SSH_AUTH_SOCK: "/run/hunter2",
  NODE_OPTIONS: "--no-warnings",
  GITHUB_TOKEN: "hunter2",
  DBUS_SESSION_BUS_ADDRESS: "unix:path=/hunter2",
};

describe("the caller's environment", () => {
  it("is neither the program's nor any process's in the container", async () => {
    const script = "cat /proc/[0-9]*/environ | tr '\\0' '\\n'; env; export -p";
    for (const options of [[], ["--init"], ["--env=OWN=1"], ["--privileged"]]) {
      const args = ["run", "--rm", "--network=none", ...options, "busybox", "sh", "-c", script];
      const { stdout } = await stage().store.succeed(args, { env: secrets });
      expect(stdout).toContain("HOSTNAME=");
      expect(stdout).not.toContain("hunter2");
      expect(stdout).not.toContain("NODE_OPTIONS");
      expect(stdout).not.toContain("TSMAN");
    }
  });

  it("is not that of the monitor or the network helper", async () => {
    const pidFile = stage().pidFile();
    const args = ["run", "-d", "--pidfile", pidFile, "busybox", "sleep", "100"];
    const { stdout } = await stage().store.succeed(args, { env: secrets });
    try {
      const pid = Number(readFileSync(pidFile, "utf8"));
      const monitor = Number(
        /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1],
      );
      const helpers = childrenOf(monitor).filter((child) => child !== pid);
      expect(helpers.map((helper) => commandLineOf(helper)[0])).toEqual([
        expect.stringContaining("slirp4netns"),
      ]);
      for (const process of [monitor, pid]) {
        expect(readFileSync(`/proc/${process}/environ`, "utf8")).not.toContain("hunter2");
      }
      // A sandboxed slirp4netns is not dumpable: what it inherits is the monitor's, or less.
      expect(readFileSync(`/proc/${monitor}/environ`, "latin1")).not.toMatch(/NODE_|SSH_|TOKEN/);
    } finally {
      await stage().store.succeed(["rm", "--force", "--time", "0", stdout.trim()]);
    }
  });

  it("does not get into a second container from a first", async () => {
    const show = ["busybox", "env"];
    await stage().run("--env=FIRST=hunter2", "--name=first", ...show);
    expect((await stage().run(...show)).stdout).not.toContain("FIRST");
  });
});

describe("the image's environment and files", () => {
  it("load no library into a program of the host", async () => {
    const given = stage().directory();
    const library = compileProbe("marker", "-shared", "-fPIC");
    const evil = join(given, "evil.so");
    const layer = new TarBuilder()
      .file(evil.slice(1), library, { mode: 0o755 })
      .file("etc/ld.so.preload", `${evil}\n`)
      .file("root/.npmrc", "script-shell=/bin/evil\n")
      .file("bin/newuidmap", "#!/bin/sh\necho evil\n", { mode: 0o755 })
      .file("usr/bin/slirp4netns", "#!/bin/sh\necho evil\n", { mode: 0o755 })
      .file("usr/bin/node", "#!/bin/sh\necho evil\n", { mode: 0o755 });
    const image = stage().image({
      layers: [layer],
      config: {
        Env: [
          "PATH=/bin:/usr/bin",
          `LD_PRELOAD=${evil}`,
          `LD_AUDIT=${evil}`,
          `NODE_OPTIONS=--require=${given}/evil.cjs`,
          `XDG_RUNTIME_DIR=${given}`,
          `TSMAN_ROOT=${given}`,
          `MARKER=${given}/marker`,
        ],
        Labels: { "io.tsman.hook": "/bin/evil", "run.oci.handler": "krun" },
      },
    });
    // The same path on both sides, so that a host program could load it.
    await stage().run("-v", `${given}:/out`, image, "cp", evil, "/out/evil.so");
    const { status, stdout, stderr } = await stage().store.run([
      ...[
        "run",
        "--rm",
        "--init",
        "-p",
        "127.0.0.1::80",
        "-v",
        `${given}:${given}`,
        image,
        "/bin/true",
      ],
    ]);
    expect(stdout + stderr).not.toContain("evil");
    expect(status, stderr).toBe(0);
    expect(() => readFileSync(join(given, "marker"))).toThrow("ENOENT");
  });

  it("are not asked when a running container is looked at", async () => {
    const layer = new TarBuilder();
    for (const name of ["ps", "nsenter", "sh", "cat", "tar", "id"]) {
      layer.file(`bin/.wh.${name}`);
    }
    const evil = new TarBuilder();
    for (const name of ["ps", "nsenter", "sh", "cat", "tar", "id"]) {
      evil.file(`bin/${name}`, "#!/bin/busybox touch /out/marker\n", { mode: 0o755 });
    }
    const given = stage().directory();
    const image = stage().image({ layers: [layer, evil] });
    await using container = await stage().background("-v", `${given}:/out`, image, "sleep", "100");
    for (const command of [["ps"], ["inspect", container.id], ["logs", container.id], ["images"]]) {
      await stage().store.succeed(command);
    }
    expect(() => readFileSync(join(given, "marker"))).toThrow("ENOENT");
    expect(findProcesses((pid) => commandLineOf(pid).includes("/out/marker"))).toEqual([]);
  });
});
