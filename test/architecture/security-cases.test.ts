import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./sources.ts";

/**
 * The published classes of attack, by number, with what each is about.  The test that stages it
 * names the number in a comment or a title.
 */
const cases: Readonly<Record<string, string>> = {
  S1: "the helper program is overwritten from inside (CVE-2019-5736)",
  S2: "descriptors that are left open (CVE-2024-21626)",
  S3: "targets of mounts are exchanged for links (CVE-2021-30465)",
  S4: "/proc and /sys that are links, or no procfs (CVE-2019-19921)",
  S5: "writes to /proc that a volume redirects (CVE-2019-16884, CVE-2025-52881)",
  S6: "masks with another /dev/null (CVE-2025-31133)",
  S7: "the console's path is exchanged (CVE-2025-52565)",
  S8: "/dev of the image is a link (CVE-2026-41579)",
  S9: "directories that are made outside (CVE-2024-45310)",
  S10: "default mounts through links (CVE-2024-1753)",
  S11: "a writable control group (CVE-2023-25809)",
  S12: "release_agent of version 1 (CVE-2022-0492)",
  S13: "flags of mounts that are dropped",
  S14: "mounts that propagate",
  S15: "files that have to be hidden",
  S16: "VOLUME that is a path out (CVE-2022-23648)",
  S17: "copying up over what is there (CVE-2020-1726)",
  S18: "what is left of the old root",
  S19: "inheritable capabilities (CVE-2022-24769)",
  S20: "supplementary groups (CVE-2022-2989)",
  S21: "setgroups in a user namespace (CVE-2014-8989)",
  S22: "user specifications that mean root (CVE-2026-30892)",
  S23: "hostile account files (CVE-2024-9676)",
  S24: "joining processes that are traced (CVE-2016-9962)",
  S25: "programs of the image that the engine executes (CVE-2022-1227)",
  S26: "variables that leak (CVE-2021-3602)",
  S27: "the order of privileges and filter",
  S28: "holes of the system call filter (CVE-2017-5226, CVE-2023-28100)",
  S29: "messages that overflow (CVE-2021-43784)",
  S30: "configuration and libraries of the image in host processes (CVE-2025-23266)",
  S31: "values of sysctls that smuggle (CVE-2022-0811)",
  S32: "names and ids that are paths",
  S33: "security options without effect (CVE-2025-65105)",
  S34: "characters pushed into the caller's terminal",
  S35: "terminal escapes in what is printed",
  S36: "output that floods (CVE-2022-1708)",
  S37: "logs, fifos and sockets that others can open",
  ...Object.fromEntries(range(38, 62).map((id) => [id, "layers, registries and credentials"])),
  ...Object.fromEntries(range(63, 66).map((id) => [id, "manifests and digests"])),
  S67: "policies that a way in forgets",
  S68: "labels that steer the engine (CVE-2026-53488)",
  ...Object.fromEntries(range(69, 74).map((id) => [id, "cp, export, commit, volumes"])),
  S87: "the host's loopback",
  S88: "abstract sockets with the host's network (CVE-2020-15257)",
  S89: "clients that all look local (CVE-2021-20199)",
  S90: "the forwarder's API (CVE-2021-4024)",
  S91: "a slirp4netns without its own walls",
  S92: "names of networks and volumes that are paths (CVE-2021-20206)",
  S93: "a resolver that answers the host's neighbours",
  S94: "runtime directories of others",
  S95: "configuration of the caller's surroundings",
  S96: "bombs of processes, memory, logs and files",
  S97: "kernels in which every user becomes root (CVE-2023-0386)",
  S98: "compiled programs that were exchanged",
  S99: "programs through a shell, descriptors that are inherited",
  S100: "numbers that JavaScript cannot hold",
  S101: "names that are no text",
  S102: "patterns that take for ever",
  S103: "packages that change by themselves",
  S104: "checks that are outrun",
  S105: "debug ports and dumps of memory",
};

/** What there is nothing of yet that could be attacked, or is not staged. */
const withoutTest: Readonly<Record<string, string>> = {
  ...Object.fromEntries(range(75, 81).map((id) => [id, "builds"])),
  ...Object.fromEntries(range(82, 86).map((id) => [id, "kube, compose, checkpoints, HTTP API"])),
};

/**
 * Cases of isolation that no container can stage, and where they are instead: all others of these
 * are tests of attacks, in test/hostile.
 */
const stagedElsewhere: Readonly<Record<string, string>> = {
  S97: "which kernels have holes is a table: test/unit/engine/kernel-holes.test.ts",
  S103: "what packages may do is said by the lock file: test/architecture/packages.test.ts",
};
const isolation = [...range(1, 37), ...range(87, 105)].filter((id) => !(id in stagedElsewhere));

function range(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `S${first + index}`);
}

const files = globSync(["test/**/*.test.ts", "native/test/*.c"], { cwd: root }).filter(
  (path) => !path.endsWith("security-cases.test.ts"),
);
const texts = new Map(files.map((path) => [path, readFileSync(join(root, path), "utf8")]));
const naming = (id: string) =>
  [...texts].filter(([, text]) => new RegExp(`\\b${id}\\b`).test(text)).map(([path]) => path);

describe("security cases", () => {
  it.each(Object.entries(cases))("%s is staged by a test that names it: %s", (id) => {
    expect(naming(id)).not.toEqual([]);
  });

  it.each(isolation)("%s, one of isolation, is staged as the attack that it was", (id) => {
    expect(naming(id).filter((path) => path.startsWith("test/hostile/"))).not.toEqual([]);
  });

  it.each(Object.entries(stagedElsewhere))("%s is not, and has its test: %s", (id, where) => {
    expect(naming(id).some((path) => where.endsWith(path))).toBe(true);
  });

  it.each(Object.keys(withoutTest))("%s is listed as missing for as long as it is", (id) => {
    expect(naming(id)).toEqual([]);
  });

  it("are all known, one way or the other", () => {
    const known = new Set([...Object.keys(cases), ...Object.keys(withoutTest)]);
    const named = [...texts.values()].flatMap((text) => text.match(/\bS\d{1,3}\b/g) ?? []);
    expect(range(1, 105).filter((id) => !known.has(id))).toEqual([]);
    expect([...new Set(named)].filter((id) => !known.has(id))).toEqual([]);
  });
});
