import { describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { useStage } from "./run-stage.ts";

// S22: CVE-2026-30892, CVE-2024-40635 (a user that becomes uid 0 by accident).  S23: CVE-2024-9676,
// CVE-2026-47262, CVE-2022-1227 (the image's account files are no files, or huge).
const stage = useStage();

const accounts = new TarBuilder()
  .file(
    "etc/passwd",
    [
      "root:x:0:0::/root:/bin/sh",
      "user:x:1000:1000::/:/bin/sh",
      "123name:x:1001:1001::/:/bin/sh",
      "empty:x:::/:/bin/sh",
      "blank:x: :0::/:/bin/sh",
      "minus:x:-1:0::/:/bin/sh",
      "wrap:x:4294967296:0::/:/bin/sh",
      "last:x:4294967295:0::/:/bin/sh",
      "hex:x:0x0:0::/:/bin/sh",
      "words:x:zero:0::/:/bin/sh",
      "short:x",
      ":x:0:0::/:/bin/sh",
      "",
    ].join("\n"),
  )
  .file("etc/group", "root:x:0:\nuser:x:1000:\nbad:x:4294967296:\nempty:x::\n");

describe("a user", () => {
  it.each([
    ["1", "1:0"],
    ["01", "1:0"],
    ["user", "1000:1000"],
    ["123name", "1001:1001"],
    ["1:1", "1:1"],
  ])("given as %s is %s", async (user, expected) => {
    const image = stage().image({ layers: [accounts] });
    const { stdout, stderr } = await stage().run(
      `--user=${user}`,
      image,
      "sh",
      "-c",
      "echo $(id -u):$(id -g)",
    );
    expect(stdout.trim(), stderr).toBe(expected);
  });

  const impossible = [
    ..."1: :1 +1 -1 0x1 1e3 4294967295 4294967296 18446744073709551616 2147483648 65537".split(" "),
    ..."nobody-here empty blank minus wrap last hex words short user:nobody user:bad".split(" "),
    " 1",
    "1 ",
    "",
    ":",
    "0:",
    "user:empty",
    "１",
    "root\n",
    "ro​ot",
  ];

  it.each(impossible.filter((user) => user !== "").map((user) => [user]))(
    "is refused, and not root, as --user %j",
    async (user) => {
      const { status, stdout } = await stage().run("--user", user, shared(), "id");
      expect(stdout).toBe("");
      expect([125, 126]).toContain(status);
    },
  );

  it.each([["-1"], ["4294967296"], ["wrap"], ["nobody-here"], ["0x0"]])(
    "is refused, and not root, as USER %j of the image",
    async (user) => {
      const image = stage().image({ layers: [accounts], config: { User: user } });
      const { status, stdout } = await stage().run(image, "id");
      expect(stdout).toBe("");
      expect([125, 126]).toContain(status);
    },
  );

  let reference: string | undefined;
  function shared(): string {
    reference ??= stage().image({ layers: [accounts] });
    return reference;
  }
});

describe("account files of the image", () => {
  const without = () => new TarBuilder().file("etc/.wh.passwd").file("etc/.wh.group");

  it.each<[string, () => TarBuilder]>([
    ["fifos", () => new TarBuilder().fifo("etc/passwd").fifo("etc/group")],
    ["directories", () => new TarBuilder().dir("etc/passwd").dir("etc/group")],
    [
      "links to devices",
      () => new TarBuilder().symlink("etc/passwd", "/dev/zero").symlink("etc/group", "/dev/tty"),
    ],
    [
      "links to themselves",
      () => new TarBuilder().symlink("etc/passwd", "passwd").symlink("etc/group", "/etc/group"),
    ],
    [
      "links into /proc",
      () =>
        new TarBuilder()
          .symlink("etc/passwd", "/proc/self/fd/0")
          .symlink("etc/group", "/proc/kmsg"),
    ],
    ["missing", () => new TarBuilder()],
  ])("that are %s are no accounts, and nothing hangs", async (_name, layer) => {
    const image = stage().image({ layers: [without(), layer()] });
    const { status, stdout, stderr } = await stage().run("--user=user", image, "id");
    expect(stdout).toBe("");
    expect(stderr).toContain("user");
    expect(status).toBe(126);
    // A shell would read the file as well, and wait for a writer.
    const program = ["/bin/busybox", "grep", "-E", "^[UG]id:", "/proc/self/status"];
    const number = await stage().run("--user=7", image, ...program);
    expect(number.stdout).toBe("Uid:\t7\t7\t7\t7\nGid:\t0\t0\t0\t0\n");
  });

  it("are not read on the host through a link", async () => {
    const victim = stage().victim("passwd");
    const up = "../".repeat(12);
    const layer = new TarBuilder()
      .symlink("etc/passwd", `${up}${victim.slice(1)}`)
      .symlink("etc/group", "/../../../etc/group");
    const image = stage().image({ layers: [without(), layer] });
    const { stdout, stderr } = await stage().run("--user=daemon", image, "id");
    expect(stdout).toBe("");
    expect(stderr).toContain("daemon");
    stage().expectVictimIntact();
  });

  it("with a million entries and endless lines are read in bounded time and memory", async () => {
    const lines = Array.from({ length: 400_000 }, (_, index) => `g${index}:x:${index + 1}:user`);
    const many = new TarBuilder()
      .file(
        "etc/passwd",
        `user:x:1000:1000::/:/bin/sh\n${"a".repeat(8_000_000)}:x:1:1::/:/bin/sh\n`,
      )
      .file("etc/group", lines.join("\n"));
    const image = stage().image({ layers: [many] });
    const { status, stdout, stderr } = await stage().run("--user=user", image, "id");
    // More groups than any process can have: an error, or those that were read before the cut.
    if (status !== 0) expect(stderr).toContain("groups");
    expect(stdout).not.toContain("uid=0");
  });
});
