import { describe, expect, it } from "vitest";
import { findKernelHoles } from "../../../src/engine/doctor/kernel-holes.ts";

// S97: kernels in which whoever may make a user namespace becomes root of the host.
const holes = (release: string, version = "", signature = "") =>
  findKernelHoles({ release, version, signature }).map(({ cve }) => cve);

describe("a kernel with a hole that every user can use", () => {
  it.each([
    ["5.15.90", ["CVE-2023-0386", "CVE-2024-1086"]],
    ["5.15.91", ["CVE-2024-1086"]],
    ["5.15.149", []],
    ["5.13.19", ["CVE-2022-0185", "CVE-2023-0386", "CVE-2024-1086"]],
    ["5.10.92", ["CVE-2022-0185", "CVE-2024-1086"]],
    ["6.0.19", ["CVE-2023-0386", "CVE-2024-1086"]],
    ["6.1.8-arch1-1", ["CVE-2023-0386", "CVE-2024-1086"]],
    ["6.1.76", []],
    ["6.2.0", ["CVE-2024-1086"]],
    ["6.7.2", ["CVE-2024-1086"]],
    ["6.8.0", []],
    ["6.18.44-fc-v595", []],
    ["5.0.21", ["CVE-2024-1086"]],
    ["4.19.306", ["CVE-2024-1086"]],
    ["4.19.307", []],
  ])("(%s) is known by its number", (release, expected) => {
    expect(holes(release)).toEqual(expected);
  });

  it("is known by the number that Debian's was made of, which its release does not have", () => {
    const version = (number: string) => `#1 SMP PREEMPT_DYNAMIC Debian ${number}-1 (2023-01-02)`;
    expect(holes("6.1.0-1-amd64", version("6.1.4"))).toContain("CVE-2023-0386");
    expect(holes("6.1.0-28-amd64", version("6.1.119"))).toEqual([]);
  });

  it("is known by the number of Ubuntu's package, where the hole is Ubuntu's own", () => {
    const ubuntu = (name: string, upstream: string) =>
      holes(`${name}-generic`, "", `Ubuntu ${name}.46-generic ${upstream}`);
    const both = ["CVE-2023-2640", "CVE-2023-32629"];
    const own = (name: string, upstream: string) =>
      ubuntu(name, upstream).filter((cve) => [...both, "CVE-2021-3493"].includes(cve));
    expect(own("5.19.0-46", "5.19.17")).toEqual(both);
    expect(own("5.19.0-50", "5.19.17")).toEqual([]);
    expect(own("6.2.0-25", "6.2.13")).toEqual(both);
    expect(own("6.2.0-26", "6.2.13")).toEqual([]);
    expect(own("5.4.0-71", "5.4.101")).toEqual(["CVE-2021-3493", "CVE-2023-32629"]);
    expect(own("5.4.0-154", "5.4.243")).toEqual(["CVE-2023-32629"]);
    expect(own("5.4.0-155", "5.4.243")).toEqual([]);
    expect(own("4.15.0-141", "4.15.18")).toEqual(["CVE-2021-3493"]);
    // Between those that the notices name: never had it.
    expect(own("5.15.0-60", "5.15.78")).toEqual([]);
    // Those for clouds count by themselves: the fix is in 5.19.0-1029 there.
    expect(own("5.19.0-1028", "5.19.17")).toEqual([]);
    expect(ubuntu("6.8.0-50", "6.8.12")).toEqual([]);
    expect(holes("5.19.0-46-generic")).not.toContain("CVE-2023-2640");
  });

  it("is not judged where the numbers are somebody's own", () => {
    expect(holes("5.14.0-362.8.1.el9_3.x86_64")).toEqual([]);
  });
});
