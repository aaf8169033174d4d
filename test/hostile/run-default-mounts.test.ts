import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { useStage } from "./run-stage.ts";

// S10: CVE-2024-1753, CVE-2024-9341 (a default mount's target is a symbolic link to the host's
// root).  S16: CVE-2022-23648 (VOLUME with "..").  S17: CVE-2020-1726 (copy-up into a full volume).
const stage = useStage();
const up = "../".repeat(12);

describe("a target of a default mount that is a symbolic link", () => {
  it("leads nowhere but into the image", async () => {
    const victim = stage().victim("directory").slice(1);
    const layer = new TarBuilder()
      .symlink("etc/resolv.conf", `${up}${victim}/inner`)
      .symlink("etc/hosts", `/${victim}/new`)
      .symlink("etc/hostname", `${up}${victim}/also-new`)
      .symlink("run", `${up}${victim}`);
    const script = `cat /${victim}/inner; ls -A /${victim}; ls -A /run/`;
    const image = stage().image({ layers: [layer] });
    const { stdout } = await stage().run("--dns=192.0.2.1", image, "sh", "-c", script);
    expect(stdout).not.toContain("do not touch");
    stage().expectVictimIntact();
  });

  it.each(["etc", "run", "tmp", "var"])("does not show the host's root: /%s -> /", async (name) => {
    const image = stage().image({
      layers: [
        new TarBuilder().file(`.wh.${name}`),
        new TarBuilder().symlink(name, name === "etc" ? "/" : up),
      ],
    });
    const { stdout } = await stage().run(
      "--read-only",
      image,
      "/bin/busybox",
      "sh",
      "-c",
      `cat /${name}${stage().victim("file")}`,
    );
    expect(stdout).toBe("");
    stage().expectVictimIntact();
  });
});

describe("a VOLUME of the image", () => {
  it("with dots lands inside the root, without a file of the host in it", async () => {
    const volumes = { [`/../..${stage().victim()}`]: {}, "../../../etc/x": {}, "/a/../../b": {} };
    const image = stage().image({ config: { Volumes: volumes } });
    const script = `ls -A ${stage().victim()} /etc/x /b; touch ${stage().victim()}/new; mount`;
    const { stdout, status } = await stage().run(image, "sh", "-c", script);
    expect(status).toBe(0);
    expect(stdout).not.toContain("inner");
    expect(stdout).toContain(` on ${stage().victim().replace(/\/$/, "")} type`);
    stage().expectVictimIntact();
  });

  it.each(["/", "/..", "//", "/."])("on the root itself is refused: %s", async (volume) => {
    const image = stage().image({ config: { Volumes: { [volume]: {} } } });
    const { status, stdout } = await stage().run(image, "id");
    expect(stdout).toBe("");
    expect(status).toBe(125);
  });

  it("is filled with what the image has there, not with what is mounted above it", async () => {
    const inside = "/sys/devices/system/cpu";
    const layer = new TarBuilder()
      .dir("data/sub")
      .file("data/file", "image\n")
      .file("data/sub/file", "image\n");
    const volumes = { [inside]: {}, "/data": {}, "/data/sub": {}, "/host/directory": {} };
    const image = stage().image({ layers: [layer], config: { Volumes: volumes } });
    const { stdout, stderr } = await stage().run(
      `--volume=${stage().victim()}:/host:ro`,
      image,
      ...["sh", "-c", `ls -A ${inside} /host/directory; cat /data/file /data/sub/file`],
    );
    expect(stderr).toBe("");
    expect(stdout).toBe(`/host/directory:\n\n${inside}:\nimage\nimage\n`);
    stage().expectVictimIntact();
  });

  it("is not filled with what a link in the image points at outside", async () => {
    const layer = new TarBuilder()
      .dir("data")
      .symlink("data/link", stage().victim("file"))
      .symlink("data/up", `${up}${stage().victim().slice(1)}`)
      .symlink("other", `${up}${stage().victim().slice(1)}`);
    const image = stage().image({
      layers: [layer],
      config: { Volumes: { "/data": {}, "/other": {} } },
    });
    const script = "cat /data/link /data/up/file /other/file; ls -A /other /data/up/";
    const { stdout } = await stage().run(image, "sh", "-c", script);
    expect(stdout).not.toContain("do not touch");
    expect(stdout).not.toContain("inner");
    stage().expectVictimIntact();
  });
});

describe("copy-up", () => {
  it("never writes to a volume that holds something", async () => {
    const image = stage().image({
      layers: [new TarBuilder().file("data/file", "image's\n").file("data/new", "image's\n")],
    });
    const script = "echo user >/data/file; rm -f /data/new";
    await stage().run("-v", "full:/data", image, "sh", "-c", script);
    const { stdout } = await stage().run(
      "-v",
      "full:/data",
      image,
      "sh",
      "-c",
      "cd /data; grep . *",
    );
    expect(stdout).toBe("user\n");
  });

  it("never writes to a directory of the host", async () => {
    const image = stage().image({
      layers: [new TarBuilder().file("data/new", "image's\n").dir("data", { mode: 0o777, uid: 5 })],
      config: { Volumes: { "/data": {} } },
    });
    const given = stage().directory();
    const { status } = await stage().run("-v", `${given}:/data`, image, "true");
    expect(status).toBe(0);
    expect(readdirSync(given)).toEqual([]);
  });
});

describe("the passwd entry for a user without one", () => {
  it("is written to the image's own file only, not to the host's through a link or a mount", async () => {
    const given = stage().directory();
    const file = join(given, "file");
    mkdirSync(join(given, "etc"));
    writeFileSync(file, "the user's\n");
    writeFileSync(join(given, "etc/passwd"), "the user's\n");
    const through = stage().image({
      layers: [new TarBuilder().symlink("etc/passwd", "/data/file")],
    });
    const beside = stage().image({
      layers: [new TarBuilder().file(".wh.etc"), new TarBuilder().symlink("etc", "/data/etc")],
    });
    for (const [mount, image] of [
      [`${given}:/data`, through],
      [`${given}:/data`, beside],
      [`${file}:/etc/passwd`, "busybox"],
    ] as const) {
      await stage().run("--user", "12345", "--volume", mount, image, "/bin/true");
      expect(readFileSync(file, "utf8")).toBe("the user's\n");
      expect(readFileSync(join(given, "etc/passwd"), "utf8")).toBe("the user's\n");
    }
  });

  it("is written to the image's own file", async () => {
    const { stdout } = await stage().run(
      "--user",
      "12345",
      "busybox",
      "tail",
      "-n1",
      "/etc/passwd",
    );
    expect(stdout).toMatch(/^12345:x:12345:0:/);
  });
});
