import { beforeAll, describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// S28: system calls that the default profile refuses, among them CVE-2017-5226, CVE-2019-10063
// (TIOCSTI), CVE-2023-28100 (TIOCLINUX), with any bits above those that the kernel looks at.
const stage = useStage();
let probe: Buffer;
const [EPERM, EBADF, ENOSYS] = [1, 9, 38];

beforeAll(() => {
  probe = compileProbe("syscalls");
});

async function attempts(...options: readonly string[]): Promise<Map<string, number>> {
  const image = stage().image({
    layers: [new TarBuilder().file("bin/probe", probe, { mode: 0o755 })],
  });
  const { stdout, stderr } = await stage().run(...options, image, "probe");
  const lines = stdout.trim().split(/\r?\n/);
  expect(lines.length, stderr).toBeGreaterThan(30);
  return new Map(
    lines.map((line) => line.split(" ")).map(([name, errno]) => [name ?? "", Number(errno)]),
  );
}

const refused = [
  ..."add_key request_key keyctl bpf perf_event_open userfaultfd io_uring_setup".split(" "),
  ..."io_uring_enter io_uring_register kexec_load init_module finit_module delete_module".split(
    " ",
  ),
  ..."open_by_handle_at mount umount2 pivot_root unshare-user setns clone-user fsopen".split(" "),
  ..."open_tree move_mount mount_setattr acct swapon reboot settimeofday quotactl".split(" "),
];

describe("the default filter", () => {
  it("refuses what reaches the kernel's inner parts", async () => {
    const results = await attempts();
    expect(results.get("getpid")).toBe(0);
    const passed = refused.filter((name) => ![EPERM, ENOSYS].includes(results.get(name) ?? 0));
    expect(passed).toEqual([]);
  });

  it("says that clone3 and unknown calls do not exist, so that libraries fall back", async () => {
    const results = await attempts();
    expect(results.get("clone3")).toBe(ENOSYS);
    expect(results.get("unknown")).toBe(ENOSYS);
    expect(results.get("x32-getpid") ?? ENOSYS).toBe(ENOSYS);
    expect([ENOSYS, EPERM]).toContain(results.get("x32-ioctl") ?? ENOSYS);
  });

  it("holds at the gate of 32-bit programs too", async () => {
    const results = await attempts();
    for (const name of ["i386-keyctl", "i386-ioctl", "i386-unshare", "i386-getpid-with-high-bit"]) {
      expect([EPERM, ENOSYS], name).toContain(results.get(name) ?? ENOSYS);
    }
  });

  it("refuses to put characters into a terminal, whatever the upper half of the request", async () => {
    const results = await attempts("--tty");
    for (const name of ["TIOCSTI", "TIOCSTI-high-bits", "TIOCSTI-one-high-bit"]) {
      expect(results.get(name), name).toBe(EPERM);
    }
    for (const name of ["TIOCLINUX", "TIOCLINUX-high-bits"]) {
      expect(results.get(name), name).toBe(EPERM);
    }
  });

  it("holds for root with all capabilities but those that it is lifted for", async () => {
    const results = await attempts("--cap-add=NET_ADMIN", "--cap-add=SYS_NICE", "--init");
    const passed = refused.filter((name) => ![EPERM, ENOSYS].includes(results.get(name) ?? 0));
    expect(passed).toEqual([]);
    for (const name of ["TIOCSTI", "TIOCSTI-high-bits", "TIOCLINUX-high-bits"]) {
      expect([EPERM, EBADF]).toContain(results.get(name));
    }
  });
});
