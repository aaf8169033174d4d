import { existsSync, readdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { OciBundles } from "./oci-bundles.ts";
import { useStore } from "./support.ts";

const store = useStore();
let oci: OciBundles;

beforeAll(() => {
  oci = new OciBundles(store());
});

describe("options of runc and crun", () => {
  it("--regex chooses several containers, and one that fails keeps nobody waiting", async () => {
    const names = ["many-a", "many-b", "other"];
    for (const name of names) {
      const bundle = oci.bundle(name, "exec sleep 1000");
      await oci.succeed(["run", "--detach", "--bundle", bundle, name]);
    }
    const running = await oci.run(["delete", "--regex", "^many-"]);
    expect(running.status).toBe(1);
    expect(running.stderr).toMatch(
      /many-a: it is not stopped.*--force many-a.*\n.*many-b: it is not stopped/,
    );
    await oci.succeed(["kill", "--regex", "^many-[ab]$", "0"]);
    await oci.succeed(["delete", "--force", "--regex", "^many-"]);
    expect(readdirSync(oci.root)).toEqual(["other"]);
    const wrong = await oci.run(["delete", "--regex", "("]);
    expect(wrong.stderr).toContain("use --regex (: not a regular expression");
    const all = await oci.run(["delete", "--force", "--regex", ""]);
    expect(all.stderr).toContain("the expression is empty");
    await oci.succeed(["delete", "--regex", "^none$"]);
    await oci.succeed(["delete", "--force", "other"]);
  });

  it("--no-pivot is a warning: the root is left as ever", async () => {
    const bundle = oci.bundle("pivoted", "ls -d /bin");
    const args = ["run", "--no-pivot", "--bundle", bundle, "pivoted"];
    const { stdout, stderr } = await oci.succeed(args);
    expect(stdout).toBe("/bin\n");
    expect(stderr.match(/--no-pivot has no effect/g)).toHaveLength(1);
    expect((await oci.succeed(["--log-level", "error", ...args])).stderr).toBe("");
  });

  it.each([
    [["checkpoint", "x"], "memory is not saved"],
    [["restore", "--image-path", "/x", "x"], "memory is not saved"],
    [["--rootless", "maybe", "list"], "--rootless maybe: no such value"],
    [["--log-level", "loud", "list"], "--log-level loud: no such level"],
    [["update", "--l3-cache-schema", "L3:0=f", "x"], "resctrl is not supported"],
    [["exec", "--env", "A", "x", "true"], "--env A: not NAME=VALUE"],
  ])("%j is refused with its reason", async (args, reason) => {
    const { status, stderr } = await oci.run(args);
    expect(status).not.toBe(0);
    expect(stderr).toContain(reason);
  });

  it.each([
    ["--cpu-rt-period", "/cpu/realtimePeriod"],
    ["--kernel-memory", "/memory/kernel"],
  ])("update %s is refused as in a config.json", async (option, pointer) => {
    const id = `limited${option}`;
    const bundle = oci.bundle(id, "exec sleep 1000");
    await oci.succeed(["run", "--detach", "--bundle", bundle, id]);
    const { stderr } = await oci.run(["update", option, "1000", id]);
    expect(stderr).toContain(`${pointer}: version 2 of control groups has nothing like it`);
    await oci.succeed(["delete", "--force", id]);
  });

  it("exec is possible in a paused container with --ignore-paused, and in a group only where there is one", async () => {
    const bundle = oci.bundle("resting", "exec sleep 1000");
    await oci.succeed(["run", "--detach", "--bundle", bundle, "resting"]);
    await oci.succeed(["pause", "resting"]);
    const { stdout } = await oci.succeed([
      "exec",
      "--ignore-paused",
      "resting",
      "sh",
      "-c",
      "echo runs",
    ]);
    expect(stdout).toBe("runs\n");
    const grouped = await oci.run(["exec", "--ignore-paused", "--cgroup", "x", "resting", "true"]);
    expect(grouped.stderr).toContain("use --cgroup x: the container has no control group");
    await oci.succeed(["delete", "--force", "resting"]);
  });

  it("spec writes another file", async () => {
    await oci.succeed(["--criu", "/none", "spec", "--file", oci.file("other.json")]);
    expect(existsSync(oci.file("other.json"))).toBe(true);
  });
});
