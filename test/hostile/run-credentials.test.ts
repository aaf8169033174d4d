import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hostPrograms } from "../integration/in-container.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { useStage } from "./run-stage.ts";

// S19: CVE-2022-24769, -27649, -27650, -27651, -29162 (inheritable capabilities).  S20:
// CVE-2022-2989, -2990, -2995, CVE-2023-25173 (supplementary groups).  S21: CVE-2014-8989 (groups that
// are left; with a file that denies one, which takes root, in integration/root).  S27: what is in force, and
// that no child gets rid of it.
const stage = useStage();

const facts = "grep -E '^(Cap|Seccomp:|NoNewPrivs|Groups|Uid|Gid)' /proc/self/status; id -G";

function parse(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .trim()
      .split("\n")
      .map((line) => line.split(":\t") as [string, string])
      .map(([name, value]) => [name, value?.trim() ?? ""]),
  );
}

describe("capabilities", () => {
  it.each([
    ["root", []],
    ["an ordinary user", ["--user=1000"]],
    ["a user with an added capability", ["--user=1000", "--cap-add=NET_ADMIN"]],
    ["--privileged", ["--privileged"]],
    ["--privileged as a user", ["--privileged", "--user=1000:1000"]],
    ["below --init", ["--init"]],
    ["no_new_privs", ["--security-opt=no-new-privileges"]],
  ])("are never inheritable, and the filter is in force: %s", async (_name, options) => {
    // A grandchild, so that what execve and fork make of the sets counts.
    const { stdout } = await stage().run(
      ...options,
      "busybox",
      "sh",
      "-c",
      `sh -c "${facts}"; true`,
    );
    const status = parse(stdout);
    const isPrivileged = options.includes("--privileged");
    expect(status.CapInh).toBe("0000000000000000");
    if (
      options.some((option) => option.startsWith("--user")) &&
      !options.includes("--cap-add=NET_ADMIN")
    ) {
      expect(status.CapEff).toBe("0000000000000000");
      expect(status.CapPrm).toBe("0000000000000000");
    }
    expect(status.Seccomp).toBe(isPrivileged ? "0" : "2");
    if (options.includes("--security-opt=no-new-privileges")) expect(status.NoNewPrivs).toBe("1");
    // CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SYS_MODULE … are not in the bounding set.
    if (!isPrivileged) expect(BigInt(`0x${status.CapBnd}`) & 0x3f_ffff_7f00_0000n).toBe(0n);
  });

  it("do not come back through a setuid program", async () => {
    // cat does not give the effective uid up as a setuid busybox does.
    const layer = new TarBuilder().file("bin/suid", readFileSync("/bin/cat"), { mode: 0o4755 });
    const image = stage().image({ layers: [layer] });
    const host = ["/usr/lib", "/lib", "/lib64"].flatMap((path) => ["-v", `${path}:${path}:ro`]);
    const show = (...options: readonly string[]) =>
      stage().run("--user=1000", ...host, ...options, image, "suid", "/proc/self/status");
    const limited = parse((await show("--cap-drop=ALL")).stdout);
    expect(limited.Uid).toMatch(/^1000\s+0\s/);
    expect(limited.CapEff).toBe("0000000000000000");
    const unprivileged = parse((await show("--security-opt=no-new-privileges")).stdout);
    expect(unprivileged.Uid).toMatch(/^1000\s+1000\s/);
    expect(unprivileged.CapEff).toBe("0000000000000000");
  });
});

describe("groups", () => {
  const accounts = new TarBuilder()
    .file(
      "etc/passwd",
      "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\nother:x:1001:1001::/:/bin/sh\n",
    )
    .file(
      "etc/group",
      "root:x:0:\nuser:x:1000:\nsecret:x:50:other\nteam:x:60:user,other\nfake:x:70:user2,xuser,us\n",
    );
  const groupsOf = async (...options: readonly string[]) => {
    const image = stage().image({ layers: [accounts] });
    const { stdout } = await stage().run(...options, image, "sh", "-c", facts);
    return stdout.trim().split("\n").at(-1);
  };

  it.each([
    ["user", "1000 60"],
    ["1000", "1000 60"],
    ["1000:1000", "1000"],
    ["other:user", "1000"],
    ["4711", "0"],
    ["4711:4712", "4712"],
  ])("of --user %s are exactly %s", async (user, expected) => {
    expect(await groupsOf(`--user=${user}`)).toBe(expected);
  });

  it("of the caller are not the container's", async () => {
    const { stdout } = spawnSync("id", ["-G"], { encoding: "utf8" });
    const status = await stage().run("busybox", "sh", "-c", facts);
    expect(parse(status.stdout).Groups).toBe("0");
    expect(stdout.trim()).not.toBe("0");
  });

  it("are left by nobody whose ids nobody has granted, however deep and privileged", async () => {
    // Below, one could be root of a namespace that forgets the answer of the one above.
    const attempt = [
      "cat /proc/self/setgroups",
      "(echo allow >/proc/self/setgroups) 2>/dev/null && echo allowed",
      "su root -c 'echo left' 2>/dev/null",
      "chroot --groups= / true 2>/dev/null && echo emptied",
    ].join("; ");
    const map = ["--uidmap=0:0:1", "--gidmap=0:0:1"];
    const host = hostPrograms
      .filter((word) => word !== "--volume")
      .map((word) => `--volume=${word}`);
    for (const privileges of [[], ["--cap-add=ALL"], ["--privileged"]]) {
      const script = `${attempt}; /usr/bin/unshare --user --map-root-user sh -c "${attempt}" 2>/dev/null; true`;
      const { stdout } = await stage().run(
        ...[...map, ...privileges, ...host],
        ...["busybox", "sh", "-c", script],
      );
      // Without CAP_SYS_ADMIN there is no namespace below.
      const times = privileges.length === 0 ? 1 : 2;
      expect(stdout, privileges.join(" ")).toBe("deny\n".repeat(times));
    }
  });
});
