import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compileProbe } from "../hostile/probe.ts";
import { Transcript } from "../support/wait.ts";
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
