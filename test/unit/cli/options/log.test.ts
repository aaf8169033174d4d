import { describe, expect, it } from "vitest";
import { logOptions, parseLogDriver } from "../../../../src/cli/options/log.ts";

describe("--log-driver", () => {
  it.each(["k8s-file", "json-file", "journald", "passthrough", "none"])("may be %s", (driver) => {
    expect(parseLogDriver(driver, "--log-driver")).toBe(driver);
  });

  it.each([
    ["syslog", "OPTION_UNSUPPORTED"],
    ["passthrough-tty", "OPTION_UNSUPPORTED"],
    ["no-such", "USAGE"],
    ["", "USAGE"],
  ])("may not be %j", (driver, code) => {
    expect(() => parseLogDriver(driver, "--log-driver")).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining("--log-driver") }),
    );
  });
});

describe("--log-opt", () => {
  it("sets size, number of files, path and tag, the last one of each", () => {
    const texts = ["max-size=1m", "max-size=10k", "max-file=3", "path=logs/x", "tag={{.Name}}"];
    expect(logOptions("json-file", texts, "/home/me")).toEqual({
      logDriver: "json-file",
      logMaxSize: 10_240,
      logMaxFiles: 2,
      logPath: "/home/me/logs/x",
      logTag: "{{.Name}}",
    });
  });

  it("takes -1 for a log without limit, as Docker does", () => {
    expect(logOptions(undefined, ["max-size=-1"], "/")).toEqual({ logMaxSize: 0 });
  });

  it("leaves the defaults where nothing is said", () => {
    expect(logOptions(undefined, [], "/")).toEqual({});
  });

  it.each([
    ["max-size", "not KEY=VALUE"],
    ["max-size=much", "not a size"],
    ["max-file=0", "not a number of files"],
    ["max-file=-1", "not a number of files"],
    ["max-file=1001", "not a number of files"],
    ["max-file=1e3", "not a number of files"],
    ["path=", "the path is empty"],
    ["tag=a\nPRIORITY=0", "control characters"],
    [`tag=${"x".repeat(257)}`, "longer than 256 bytes"],
    ["compress=true", 'unknown option "compress"'],
  ])("refuses %j", (text, why) => {
    expect(() => logOptions(undefined, [text], "/")).toThrow(
      expect.objectContaining({ code: "USAGE", message: expect.stringContaining(why) }),
    );
  });

  it.each(["none", "journald", "passthrough"] as const)("refuses a path with %s", (driver) => {
    expect(() => logOptions(driver, ["path=/x"], "/")).toThrow("has no file");
  });
});
