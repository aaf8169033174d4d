import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assertContainerName } from "../../src/container/names.ts";
import { useStage } from "./run-stage.ts";

// S31: CVE-2022-0811 (a sysctl's value that smuggles in another).  S32: names and ids that are
// paths.  S92: CVE-2021-20206 (names that become part of a path).
const stage = useStage();

async function refused(...args: readonly string[]) {
  const { status, stdout, stderr } = await stage().run(...args, "busybox", "id");
  expect(stdout).toBe("");
  expect(status, stderr).toBe(125);
}

describe("--sysctl", () => {
  it.each([
    ["kernel.shm_rmid_forced=1+kernel.core_pattern=|/bin/evil"],
    ["kernel.shm_rmid_forced=1\nkernel.core_pattern=x"],
    ["kernel.core_pattern=|/bin/evil"],
    ["net.ipv4.ip_forward=1 kernel.core_pattern=x=y"],
    ["net/../kernel/core_pattern=x"],
    ["net.ipv4/../../kernel/core_pattern=x"],
    ["kernel.shm_rmid_forced/../core_pattern=x"],
    ["fs.mqueue.../x=1"],
    ["kernel.modprobe=/bin/evil"],
    ["vm.overcommit_memory=1"],
  ])("takes only settings of the container's own namespaces: %j", async (setting) => {
    await refused("--sysctl", setting);
  });

  it("does not take those of the host's network", async () => {
    const args = [
      "run",
      "--rm",
      "--network=host",
      "--sysctl=net.ipv4.ip_forward=1",
      "busybox",
      "id",
    ];
    const { status, stdout } = await stage().store.run(args);
    expect(stdout).toBe("");
    expect(status).toBe(125);
  });
});

const badNames = [
  ..."../x . .. .hidden -x /x a/b a\\b a:b a@b a%2fb $(id) `id` a;b a|b a&b *".split(" "),
  "",
  "a b",
  "a\nb",
  "a\0b",
  "a\x1b[2J",
  "a".repeat(300),
  "аlpine", // Cyrillic
  "ａ",
  "a​b",
  "a‮b",
];

describe("names", () => {
  it.each(badNames.map((name) => [name]))("of containers are refused: %j", (name) => {
    expect(() => assertContainerName(name)).toThrow(/name/);
  });

  it.each([
    ["--name", "../../victim"],
    ["--name", "a/b"],
    ["--hostname", "../x"],
    ["--hostname", "a\nb"],
    ["--volume", "../victim:/v"],
    ["--volume", "a/../../victim:/v"],
    ["--mount", "type=volume,src=../victim,dst=/v"],
    ["--network", "../../bin/sh"],
    ["--network", "container:../victim"],
    ["--pid", "container:../../victim"],
    ["--tz", "../../../victim/file"],
    ["--add-host", "a\n127.0.0.1 b:192.0.2.1"],
    ["--dns", "192.0.2.1\noptions x"],
    ["--dns-search", "a b\nnameserver 192.0.2.1"],
  ])("that are paths or lines are refused: %s %j", async (option, value) => {
    const { stdout, status } = await stage().store.run([
      "run",
      "--rm",
      ...(option === "--network" ? [] : ["--network=none"]),
      option,
      value,
      "busybox",
      "id",
    ]);
    expect(stdout).toBe("");
    expect(status).toBe(125);
    stage().expectVictimIntact();
  });

  it("of containers to look at, stop or remove are no paths", async () => {
    for (const command of ["inspect", "logs", "stop", "rm", "kill", "wait"]) {
      for (const name of ["../../victim", "../images", "%2e%2e"]) {
        const { status } = await stage().store.run([command, name]);
        expect(status).not.toBe(0);
      }
    }
    stage().expectVictimIntact();
  });

  it("leave nothing in the store", () => {
    const volumes = join(stage().store.root, "volumes");
    expect(existsSync(volumes) ? readdirSync(volumes) : []).toEqual([]);
    expect(readdirSync(join(stage().store.root, "containers"))).toEqual([]);
  });
});
