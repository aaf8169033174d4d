import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { useStage } from "./run-stage.ts";

// S4, S5, S8: CVE-2019-19921, CVE-2023-27561, CVE-2023-28642 (/proc or /sys is a symbolic link or a
// volume), CVE-2019-16884, CVE-2025-52881 (something is mounted where security settings are
// written), CVE-2026-41579, CVE-2026-47766 (/dev is a symbolic link).
const stage = useStage();
const linkTo = (name: string, target: string) =>
  stage().image({
    layers: [
      new TarBuilder().file(`.wh.${name}`).file("tmp/x/y"),
      new TarBuilder().symlink(name, target),
    ],
  });

describe("an image in which a mount of ours has a symbolic link for a target", () => {
  it.each([
    ["proc", "/tmp/x"],
    ["proc", "tmp"],
    ["sys", "/tmp/x"],
    ["dev", "/tmp"],
    ["dev", "../../../../tmp"],
  ])("is refused: /%s -> %s", async (name, target) => {
    const { status, stdout, stderr } = await stage().run(linkTo(name, target), "id");
    expect(stdout).toBe("");
    expect(stderr).toContain(`/${name}`);
    expect(status).toBe(125);
  });

  it("makes nothing in a directory of the host with the link's name", async () => {
    const image = linkTo("dev", `../../../../../../../..${stage().victim("directory")}`);
    const { status } = await stage().run(image, "id");
    expect(status).toBe(125);
    stage().expectVictimIntact();
  });

  it("is refused for a link below /dev as well, over a volume that holds it", async () => {
    const given = stage().directory();
    // The caller's own directory, in which an earlier container has left a link.
    const script = `ln -s ${stage().victim("directory")} /d/shm; ln -s /tmp /d/pts; ln -s /tmp /d/mqueue`;
    await stage().run("-v", `${given}:/d`, "busybox", "sh", "-c", script);
    expect(readdirSync(given).sort()).toEqual(["mqueue", "pts", "shm"]);
    const { status, stdout } = await stage().run("-v", `${given}:/dev`, "busybox", "id");
    expect(stdout).toBe("");
    expect(status).toBe(125);
    stage().expectVictimIntact();
  });
});

describe("a mount on /proc", () => {
  it.each([
    ["--volume", "vol:/proc/self/attr"],
    ["--mount", "type=tmpfs,dst=/tmp/../proc/1"],
    ["--tmpfs", "/proc/self/attr"],
    ["--device", "/dev/null:/proc/kcore"],
  ])("is refused: %s %s", async (option, value) => {
    const { status, stdout, stderr } = await stage().run(option, value, "busybox", "id");
    expect(stdout).toBe("");
    expect(stderr).toContain("/proc");
    expect(status).toBe(125);
  });

  it.each(["/proc", "/proc/sys/kernel", "../../proc/acpi"])(
    "is refused as VOLUME of the image: %s",
    async (volume) => {
      const { status, stdout } = await stage().run(
        stage().image({ config: { Volumes: { [volume]: {} } } }),
        "id",
      );
      expect(stdout).toBe("");
      expect(status).toBe(125);
    },
  );

  it.each(["/proc", "/proc/sys", "proc/self/attr", "../../../proc/sysrq-trigger"])(
    "is refused through a symbolic link of the image: /data -> %s",
    async (target) => {
      const image = stage().image({
        layers: [new TarBuilder().symlink("data", target)],
        config: { Volumes: { "/data": {} } },
      });
      const { status, stdout, stderr } = await stage().run(image, "cat", "/proc/self/mountinfo");
      expect(stdout).toBe("");
      expect(stderr).toContain("/data");
      expect(status).toBe(125);
    },
  );

  it("is refused through a link for our own files", async () => {
    const image = stage().image({
      layers: [new TarBuilder().symlink("etc/hosts", "/proc/sys/kernel/domainname")],
    });
    const { status, stdout } = await stage().run(image, "id");
    expect(stdout).toBe("");
    expect(status).toBe(125);
  });
});

describe("a setting of the kernel", () => {
  it("is written to procfs and not to what a volume shows in its place", async () => {
    const given = stage().directory();
    const image = stage().image({ layers: [new TarBuilder().symlink("data", "/proc/sys/net")] });
    const option = "net.ipv4.ip_forward=1";
    const { status } = await stage().run("--sysctl", option, "-v", `${given}:/data`, image, "id");
    expect(status).toBe(125);
    expect(readdirSync(given)).toEqual([]);
  });
});
