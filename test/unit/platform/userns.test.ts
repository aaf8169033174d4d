import { expect, it } from "vitest";
import { usernsArguments } from "../../../src/platform/userns.ts";

const uid = [
  { inside: 0, outside: 1000, count: 1 },
  { inside: 1, outside: 100_000, count: 65_536 },
];
const gid = [{ inside: 0, outside: 1001, count: 1 }];

it("a program in a user namespace is started with its maps and the tools that write them", () => {
  const tools = { newuidmap: "/usr/bin/newuidmap", newgidmap: "/usr/bin/newgidmap" };
  expect(
    usernsArguments({ uid, gid, tools, denySetgroups: false }, ["/bin/x", "-y"], true),
  ).toEqual([
    "userns",
    ...["--uid-map", "0 1000 1,1 100000 65536"],
    ...["--gid-map", "0 1001 1"],
    ...["--newuidmap", "/usr/bin/newuidmap", "--newgidmap", "/usr/bin/newgidmap"],
    "--mount",
    "--",
    ...["/bin/x", "-y"],
  ]);
});

// S21: CVE-2014-8989.
it("setgroups is denied where a group map is written without privilege", () => {
  const args = usernsArguments({ uid, gid, denySetgroups: true }, ["/bin/x"], false);
  expect(args).toContain("--deny-setgroups");
  expect(args).not.toContain("--newuidmap");
});
