import { describe, expect, test } from "vitest";
import { TsmanError } from "../../../src/errors/index.ts";
import { run } from "./fake-context.ts";

describe("the command line", () => {
  test.each([[[]], [["help"]], [["--help"]], [["-h"]]])("%j prints the overview", async (argv) => {
    const { status, stdout } = await run(argv);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: tsman \[OPTIONS\] COMMAND/);
    expect(stdout).toContain("\n  run ");
    expect(stdout).toContain("\n  unmount ");
    expect(stdout).not.toContain("\n  umount ");
  });

  test.each([[["--version"]], [["-v"]], [["version"]]])("%j prints the version", async (argv) => {
    const { status, stdout } = await run(argv);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^tsman version \d+\.\d+\.\d+\n$/);
  });

  test.each([
    [["run", "--help"], "Usage: tsman run [OPTIONS] IMAGE"],
    [["help", "run"], "Usage: tsman run [OPTIONS] IMAGE"],
    [["ps", "-h"], "Usage: tsman ps [OPTIONS]"],
    [["image", "ls", "--help"], "Usage: tsman images [OPTIONS] [IMAGE]"],
    [["image"], "Usage: tsman image COMMAND"],
    [["help", "container"], "Usage: tsman container COMMAND"],
  ])("%j prints help", async (argv, beginning) => {
    const { status, stdout } = await run(argv);
    expect(status).toBe(0);
    expect(stdout.startsWith(beginning)).toBe(true);
  });

  test("-h of run is the host name, as Podman's", async () => {
    const { status, stderr } = await run(["run", "-h"]);
    expect(status).toBe(125);
    expect(stderr).toContain("parse -h: its value is missing");
  });

  test("every option of a command is in its help", async () => {
    const { stdout } = await run(["run", "--help"]);
    for (const name of ["--volume", "--publish", "--explain", "--sig-proxy", "--log-level"]) {
      expect(stdout).toContain(name);
    }
  });

  test.each([
    [["imgaes"], 125, 'unknown command "imgaes"'],
    [["ps", "extra"], 125, 'run tsman ps: nothing is done with "extra"'],
    [["pull"], 125, "pull: no image is named"],
    [["--bogus"], 125, "unknown option --bogus"],
    [["run", "--log-level", "loud", "x"], 125, 'parse --log-level "loud"'],
  ])("%j fails on stderr only", async (argv, expected, message) => {
    const { status, stdout, stderr } = await run(argv);
    expect(status).toBe(expected);
    expect(stdout).toBe("");
    expect(stderr).toContain(`tsman: error: ${message}`);
    expect(stderr).toContain("\nhint: ");
  });

  test("an error's code decides about the exit status", async () => {
    const containers = { list: () => Promise.reject(new TsmanError("CONTAINER_RUNNING", "x")) };
    expect((await run(["ps"], { containers })).status).toBe(2);
  });

  test("a thrown thing that is no TsmanError is a defect, and says so", async () => {
    const containers = { list: () => Promise.reject(new TypeError("oops")) };
    const { status, stderr } = await run(["ps"], { containers });
    expect(status).toBe(125);
    expect(stderr).toContain("tsman: error: tsman: oops");
    expect(stderr).toContain("--log-level debug");
  });

  test("a clean-up that fails too is no defect, and hides no reason", async () => {
    const reason = new TsmanError("CONTAINER_RUNNING", "remove container b: it runs");
    const list = () => Promise.reject(new SuppressedError(new Error("gone"), reason));
    const { status, stderr } = await run(["ps"], { containers: { list } });
    expect(status).toBe(2);
    expect(stderr).toBe("tsman: error: remove container b: it runs; and then: gone\n");
  });

  test.each([
    [["--log-level=debug", "ps"]],
    [["--log-level", "debug", "ps"]],
    [["ps", "--log-level=debug"]],
  ])("%j tells the causes", async (argv) => {
    const error = new TsmanError("INTERNAL", "x", { cause: new Error("below") });
    const { stderr } = await run(argv, { containers: { list: () => Promise.reject(error) } });
    expect(stderr).toContain("debug: caused by below");
  });
});
