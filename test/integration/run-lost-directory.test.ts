import { describe, expect, it } from "vitest";
import { useStore } from "./support.ts";
import { runWrapped } from "./wrapped.ts";

const store = useStore();

/** `tsman ARGS` in a directory that does not exist any more. */
const runLost = async (...args: readonly string[]) =>
  await runWrapped(
    store(),
    ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"'],
    args,
  );

const run = ["run", "--rm", "--network", "none"] as const;

describe("in a directory that was removed", () => {
  it("a container runs", async () => {
    const { status, stdout } = await runLost(
      ...run,
      "-v",
      "/usr:/v:ro",
      "busybox",
      "ls",
      "/v/bin/env",
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: "/v/bin/env\n" });
  });

  it.each([
    ["-v", "./data:/data"],
    ["--mount", "type=bind,src=./data,dst=/data"],
    ["--cidfile", "id"],
    ["--security-opt", "seccomp=profile.json"],
  ])("%s %s says that there is nothing to count from", async (...option) => {
    const { status, stdout, stderr } = await runLost(...run, ...option, "busybox", "true");
    expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
    expect(stderr).toContain("the current directory was removed\nhint: write absolute paths");
  });
});
