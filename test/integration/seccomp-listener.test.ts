import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compileProbe } from "../hostile/probe.ts";
import { Transcript } from "../support/wait.ts";
import { OciBundles } from "./oci-bundles.ts";
import { useStore } from "./support.ts";

const store = useStore();
let program: string;
let profile: string;
let socket: string;

beforeAll(() => {
  program = join(store().scratch, "answer");
  writeFileSync(program, compileProbe("answer"), { mode: 0o755 });
  socket = join(store().scratch, "agent");
  profile = join(store().scratch, "asking.json");
  const asks = { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" };
  writeFileSync(
    profile,
    JSON.stringify({
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath: socket,
      listenerMetadata: "of the test",
      syscalls: [asks],
    }),
  );
});

const options = () => [
  ..."--quiet --network none --annotation of=test --security-opt".split(" "),
  `seccomp=${profile}`,
];

describe("a profile with a listener", () => {
  it("is refused a start when nobody listens", async () => {
    const args = ["run", "--rm", ...options(), "busybox", "true"];
    const { status, stderr } = await store().run(args);
    expect(stderr).toContain(`connect to seccomp listener ${socket}`);
    expect(status).toBe(125);
  });

  it("has system calls of the program, and of exec, answered by it", async () => {
    const agent = spawn(program, [socket], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const said = new Transcript(agent.stdout);
      await said.until("listening");
      const script = "mkdir /made 2>&1; echo ready; exec sleep 1000";
      const args = ["run", "--detach", ...options(), "--name=asked", "busybox", "sh", "-c", script];
      const id = (await store().succeed(args)).stdout.trim();
      const exec = await store().run(["exec", "asked", "mkdir", "/other"]);
      expect(exec.stderr).toMatch(/cross-device link/i);
      expect(exec.status).toBe(1);
      await store().succeed(["rm", "--force", "--time=0", "asked"]);
      const [first, second] = said.text.trim().split("\n").slice(1);
      expect(JSON.parse(first ?? "")).toMatchObject({
        fds: ["seccompFd"],
        metadata: "of the test",
        state: { id, status: "creating", annotations: { of: "test" } },
      });
      expect(JSON.parse(second ?? "").state).toMatchObject({ id, status: "running" });
    } finally {
      agent.kill("SIGKILL");
    }
  });
});

describe("the OCI runtime", () => {
  it("has system calls of the program, and of exec, answered by the listener", async () => {
    const oci = new OciBundles(store());
    const path = join(store().scratch, "oci-agent");
    const agent = spawn(program, [path], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const said = new Transcript(agent.stdout);
      await said.until("listening");
      const bundle = oci.bundle(
        "asked",
        "busybox mkdir /tmp/made; exec busybox sleep 1000",
        (config) => {
          config.annotations = { of: "test" };
          config.linux.seccomp = {
            defaultAction: "SCMP_ACT_ALLOW",
            listenerPath: path,
            listenerMetadata: "of the test",
            syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }],
          };
        },
      );
      await oci.succeed(["run", "--detach", "--bundle", bundle, "asked"]);
      const exec = await oci.run(["exec", "asked", "busybox", "mkdir", "/tmp/other"]);
      expect(exec.stderr).toMatch(/cross-device link/i);
      expect(exec.status).toBe(1);
      await oci.succeed(["delete", "--force", "asked"]);
      const [first, second] = said.text.trim().split("\n").slice(1);
      const annotations = { of: "test" };
      expect(JSON.parse(first ?? "")).toMatchObject({
        metadata: "of the test",
        state: { id: "asked", status: "creating", bundle, annotations },
      });
      expect(JSON.parse(second ?? "")).toMatchObject({
        metadata: "of the test",
        state: { id: "asked", status: "running", bundle, annotations },
      });
    } finally {
      agent.kill("SIGKILL");
    }
  });
});
