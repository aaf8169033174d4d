import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useStage } from "./run-stage.ts";

// S68: what an image says of itself steers nothing on the host; a filter is taken from it only
// when that is asked for, and then it may not say whom the host speaks to.
const stage = useStage();
const label = "io.containers.seccomp.profile";
const imageWith = (profile: unknown) =>
  stage().image({
    config: {
      Labels: { [label]: typeof profile === "string" ? profile : JSON.stringify(profile) },
    },
  });
const denyMkdir = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 99 }],
};
const make = ["sh", "-c", "mkdir /made; unshare -Ur true && echo open"];

describe("the system call filter that an image brings", () => {
  it("is in force when it is asked for, and what is executed has it too", async () => {
    const image = imageWith(denyMkdir);
    const { stdout, stderr } = await stage().store.run([
      ...["run", "--rm", "--network", "none", "--seccomp-policy", "image", image, ...make],
    ]);
    expect(stderr).toContain("/made': Cannot assign requested address");
    expect(stdout).toBe("open\n");
    const run = ["run", "-d", "--network", "none", "--seccomp-policy", "image"];
    const id = (await stage().store.run([...run, image, "sleep", "1000"])).stdout.trim();
    const exec = await stage().store.run(["exec", id, "mkdir", "/made"]);
    expect(exec.stderr).toContain("Cannot assign requested address");
    await stage().store.run(["rm", "--force", "--time", "0", id]);
  });

  it("counts for nothing otherwise", async () => {
    const image = imageWith({ defaultAction: "SCMP_ACT_ALLOW" });
    for (const policy of [[], ["--seccomp-policy", "default"]]) {
      const { stdout, stderr } = await stage().store.run([
        ...["run", "--rm", "--network", "none", ...policy, image, ...make],
      ]);
      expect(stdout).toBe("");
      expect(stderr).toContain("unshare");
    }
  });

  it("has nobody on the host called", async () => {
    const socket = join(stage().directory(), "agent");
    let calls = 0;
    const server = createServer((connection) => {
      calls += 1;
      connection.destroy();
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const image = imageWith({
      ...denyMkdir,
      listenerPath: socket,
      syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
    });
    const { status, stderr } = await stage().store.run([
      ...["run", "--rm", "--network", "none", "--seccomp-policy", "image", image, "true"],
    ]);
    await new Promise((resolve) => server.close(resolve));
    expect(status).toBe(125);
    expect(stderr).toContain("/listenerPath: an image may not name one");
    expect(calls).toBe(0);
  });

  it.for([
    [{}, "/defaultAction"],
    ["{", label],
    ["", "has no label"],
  ] as const)("is refused where it is none: %j", async ([profile, why]) => {
    const { status, stderr } = await stage().store.run([
      ...["run", "--rm", "--seccomp-policy=image", imageWith(profile), "true"],
    ]);
    expect(status).toBe(125);
    expect(stderr).toContain(why);
  });

  it("is not together with another", async () => {
    const { status, stderr } = await stage().store.run([
      ...["run", "--seccomp-policy=image", "--security-opt", "seccomp=unconfined"],
      ...[imageWith(denyMkdir), "true"],
    ]);
    expect(status).toBe(125);
    expect(stderr).toContain("--security-opt seccomp names another filter");
  });
});
