import { describe, expect, test } from "vitest";
import { readLeadingOptions } from "../../../src/cli/leading-options.ts";
import { container } from "../commands/sample.ts";
import { run } from "./fake-context.ts";

const containers = { list: async () => [container({ name: "web" })] };

describe("options before a command", () => {
  test("of Podman's that mean what tsman has", async () => {
    const written =
      "--storage-driver overlay --root /s --runroot /r --tmpdir=/t --events-backend file " +
      "--remote=false --syslog=false --log-level Trace ps -a";
    expect(await readLeadingOptions(written.split(" "))).toEqual({
      globals: { "log-level": "debug", root: "/s", "runtime-dir": "/r" },
      argv: ["ps", "-a"],
    });
    const short = await readLeadingOptions(["-D", "--tmpdir", "/t", "ps"]);
    expect(short.globals).toEqual({ "log-level": "debug", root: undefined, "runtime-dir": "/t" });
  });

  test.each([
    ["warning", "warn"],
    ["FATAL", "error"],
    ["panic", "error"],
    ["info", "info"],
  ])("--log-level %s is %s", async (written, meant) => {
    const { globals } = await readLeadingOptions(["--log-level", written, "ps"]);
    expect(globals["log-level"]).toBe(meant);
  });

  test("--noout takes away what the command prints, and leaves its errors", async () => {
    expect((await run(["ps", "-q"], { containers })).stdout).not.toBe("");
    expect(await run(["--noout", "ps", "-q"], { containers })).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
    expect((await run(["--noout", "ps", "extra"])).stderr).toContain("nothing is done with");
  });

  test.each([
    ["--storage-driver vfs ps", "--storage-driver=vfs is not supported", "tsman info"],
    ["--storage-opt a=b ps", "--storage-opt is not supported", "tsman info"],
    ["--cgroup-manager none ps", 'parse --cgroup-manager "none"', "systemd, cgroupfs"],
    ["--remote ps", "--remote=true is not supported", "with ssh"],
    ["-r ps", "-r, --remote is not supported", "with ssh"],
    ["-H tcp://x ps", "-H, --host is not supported", "with ssh"],
    ["-c there ps", "-c, --connection is not supported", "with ssh"],
    ["--events-backend journald ps", "events are in a file of the store", "tsman events"],
    ["--conmon /x ps", "its own monitor", "leave it out"],
    ["--log-level loud ps", 'parse --log-level "loud"', "trace, debug, info, warn"],
  ])("%s is refused with a remedy", async (written, message, remedy) => {
    const { status, stdout, stderr } = await run(written.split(" "));
    expect(status).toBe(125);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).toContain(remedy);
  });

  test("of a command that knows them stand behind it too", async () => {
    const { status } = await run(["ps", "--runroot", "/r", "--log-level=warning"], { containers });
    expect(status).toBe(0);
  });
});
