import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { type Config, OciBundles } from "./oci-bundles.ts";
import { useStore } from "./support.ts";

const store = useStore();
let oci: OciBundles;

beforeAll(() => {
  oci = new OciBundles(store());
});

/** What `run` says of a configuration that it refuses. */
async function refusal(name: string, change: (config: Config) => void): Promise<string> {
  const bundle = oci.bundle(name, "true", change);
  const { status, stderr } = await oci.run(["run", "--bundle", bundle, name]);
  expect(status).not.toBe(0);
  return stderr;
}

describe("a message of tsman-oci", () => {
  it("says once what the configuration is warned of, also where the start fails", async () => {
    const stderr = await refusal("warned", (config) => {
      config.process.capabilities = { bounding: ["CAP_UNKNOWN"] };
      config.mounts.push({ destination: "/m", type: "ext4", source: "/dev/none" });
    });
    expect(stderr.match(/CAP_UNKNOWN/g)).toHaveLength(1);
    expect(stderr).toMatch(/mount ext4 on \/m \(\/mounts\/\d\): .*bind it/);
  });

  it("names the program that was asked for where a filter denies it", async () => {
    const stderr = await refusal("denied", (config) => {
      const syscalls = [{ names: ["execve", "execveat"], action: "SCMP_ACT_ERRNO" }];
      config.process.env = ["PATH=/none:/bin"];
      config.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls };
    });
    expect(stderr).toContain("run sh: operation not permitted");
    expect(stderr).toContain("/linux/seccomp");
  });

  it("names the place of too many variables", async () => {
    const stderr = await refusal("many", (config) => {
      config.process.env = Array.from({ length: 20_001 }, (_, index) => `A${index}=`);
    });
    expect(stderr).toContain("ENV (/process/env) with 20001 arguments");
  });

  it("names no option of tsman's, and the file that a process is of", async () => {
    const bundle = oci.bundle("executing", "exec sleep 1000");
    await oci.succeed(["run", "--detach", "--bundle", bundle, "executing"]);
    const said = async (...args: readonly string[]): Promise<string> =>
      (await oci.run(["exec", ...args])).stderr;
    const directory = await said("--cwd", "/none", "executing", "true");
    expect(directory).toMatch(
      /change directory \/none \(exec --cwd\).*\(make the directory before/,
    );
    const user = await said("--user", "1234567", "executing", "true");
    expect(user).toMatch(/\(exec --user\).*\/linux\/uidMappings/);
    expect(`${directory}${user}`).not.toMatch(/ -w|--explain|tsman doctor/);
    const file = oci.file("process.json");
    const process = { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 } };
    writeFileSync(file, JSON.stringify({ ...process, execCPUAffinity: { initial: "0" } }));
    expect(await said("--process", file, "executing")).toContain(
      `read ${file}: /execCPUAffinity: is not supported`,
    );
    writeFileSync(file, JSON.stringify({ ...process, cwd: "/none" }));
    expect(await said("--process", file, "executing")).toContain("(exec --process: /cwd)");
    await oci.succeed(["delete", "--force", "executing"]);
  });
});

describe("a limit of a config.json", () => {
  it("is the program's alone: what prepares it may open more files", async () => {
    const printed = await oci.output("few-files", "ulimit -n; ulimit -Hn", (config) => {
      config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 4, hard: 10 }];
    });
    expect(printed).toBe("4\n10\n");
  });
});
