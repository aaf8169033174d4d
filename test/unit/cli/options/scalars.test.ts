import { describe, expect, test } from "vitest";
import { parseDetachKeys } from "../../../../src/cli/options/detach-keys.ts";
import { parseDevice } from "../../../../src/cli/options/device.ts";
import { parseMoment } from "../../../../src/cli/options/duration.ts";
import { parseSysctl } from "../../../../src/cli/options/key-value.ts";
import { parseAddHost, parseHostname } from "../../../../src/cli/options/names-and-addresses.ts";
import { octalMode, oneOf } from "../../../../src/cli/options/scalars.ts";
import { parseSize } from "../../../../src/cli/options/size.ts";
import { parseUlimit } from "../../../../src/cli/options/ulimit.ts";
import {
  parseEntrypoint,
  parsePullPolicy,
  parseSignalText,
} from "../../../../src/cli/options/words.ts";
import { findDuration } from "../../../../src/config/duration.ts";
import { thrownError } from "../thrown-error.ts";

describe("sizes", () => {
  test.each([
    ["0", 0],
    ["1024", 1024],
    ["64m", 67_108_864],
    ["64M", 67_108_864],
    ["64mb", 67_108_864],
    ["64MiB", 67_108_864],
    ["1.5g", 1_610_612_736],
    ["10b", 10],
    ["2k", 2048],
  ])("%s is %i bytes", (text, bytes) => {
    expect(parseSize(text, "--shm-size")).toBe(bytes);
  });

  test.each(["", "m", "-1", "1x", "1 2", "1e3", "99999p"])("%j is no size", (text) => {
    expect(thrownError(() => parseSize(text, "--shm-size")).message).toBe(
      `parse --shm-size ${JSON.stringify(text)}: not a size`,
    );
  });
});

describe("moments", () => {
  const now = Date.UTC(2026, 0, 2, 12);

  test.each([
    ["300ms", 300],
    ["1h30m", 5_400_000],
    ["1.5s", 1500],
    ["soon", undefined],
    ["1", undefined],
  ])("the duration %s", (text, milliseconds) => {
    expect(findDuration(text)).toBe(milliseconds);
  });

  test.each([
    ["10m", "2026-01-02T11:50:00.000Z"],
    ["1767312000", "2026-01-02T00:00:00.000Z"],
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"],
    ["2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.000Z"],
  ])("%s", (text, expected) => {
    expect(parseMoment(text, "--since", now).toISOString()).toBe(expected);
  });

  test("anything else is refused", () => {
    expect(thrownError(() => parseMoment("yesterday", "--since", now)).message).toBe(
      'parse --since "yesterday": not a point in time',
    );
  });
});

describe("limits", () => {
  test.each([
    ["nofile=1024", { name: "nofile", soft: 1024, hard: 1024 }],
    ["nofile=1024:2048", { name: "nofile", soft: 1024, hard: 2048 }],
    ["RLIMIT_CORE=-1", { name: "core", soft: -1, hard: -1 }],
    ["stack=8:unlimited", { name: "stack", soft: 8, hard: -1 }],
  ])("%s", (text, expected) => {
    expect(parseUlimit(text, "--ulimit")).toEqual(expected);
  });

  test.each([
    ["nofile", "not NAME=SOFT[:HARD]"],
    ["bogus=1", 'unknown limit "bogus"'],
    ["nofile=2:1", "the soft limit is above the hard one"],
    ["nofile=-1:5", "the soft limit is above the hard one"],
    ["nofile=x", '"x" is no limit'],
  ])("%s is refused: %s", (text, why) => {
    expect(thrownError(() => parseUlimit(text, "--ulimit")).message).toBe(
      `parse --ulimit ${JSON.stringify(text)}: ${why}`,
    );
  });
});

describe("devices", () => {
  test.each([
    ["/dev/fuse", { hostPath: "/dev/fuse", containerPath: "/dev/fuse", permissions: "rwm" }],
    ["/dev/fuse:rw", { hostPath: "/dev/fuse", containerPath: "/dev/fuse", permissions: "rw" }],
    ["/dev/a:/dev/b", { hostPath: "/dev/a", containerPath: "/dev/b", permissions: "rwm" }],
    ["/dev/a:/dev/b:r", { hostPath: "/dev/a", containerPath: "/dev/b", permissions: "r" }],
  ])("%s", (text, expected) => {
    expect(parseDevice(text, "--device")).toEqual(expected);
  });

  test.each(["fuse", "/dev/a:/dev/b:rr", "/dev/a:/dev/b:x", "/a:/b:r:w"])(
    "%s is refused",
    (text) => {
      expect(thrownError(() => parseDevice(text, "--device")).code).toBe("USAGE");
    },
  );

  test("a name of the Container Device Interface is unsupported", () => {
    expect(thrownError(() => parseDevice("nvidia.com/gpu=0", "--device")).code).toBe(
      "OPTION_UNSUPPORTED",
    );
  });
});

describe("detach keys", () => {
  test.each([
    ["ctrl-p,ctrl-q", [16, 17]],
    ["ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", [0, 27, 28, 29, 30, 31]],
    ["a,B", [97, 66]],
    ["", []],
  ])("%j", (text, bytes) => {
    expect(parseDetachKeys(text, "--detach-keys")).toEqual(bytes);
  });

  test.each(["ctrl-1", "ab", "ctrl-p,,q", "ctrl-"])("%j is refused", (text) => {
    expect(thrownError(() => parseDetachKeys(text, "--detach-keys")).code).toBe("USAGE");
  });
});

describe("hosts", () => {
  test.each([
    ["db:10.0.0.5", [{ name: "db", address: "10.0.0.5" }]],
    ["db:::1", [{ name: "db", address: "::1" }]],
    ["db:[::1]", [{ name: "db", address: "::1" }]],
    ["host:host-gateway", [{ name: "host", address: "host-gateway" }]],
    [
      "a;b:1.2.3.4",
      [
        { name: "a", address: "1.2.3.4" },
        { name: "b", address: "1.2.3.4" },
      ],
    ],
  ])("%s", (text, expected) => {
    expect(parseAddHost(text, "--add-host")).toEqual(expected);
  });

  test.each(["db", ":1.2.3.4", "db:x", "a;:1.2.3.4", "a b:1.2.3.4", "a\nb:1.2.3.4"])(
    "%j is refused",
    (text) => {
      expect(thrownError(() => parseAddHost(text, "--add-host")).code).toBe("USAGE");
    },
  );

  test.each(["", "-a", "a b", "a\n", "a".repeat(65), "ä"])("%j is no host name", (text) => {
    expect(thrownError(() => parseHostname(text, "--hostname")).code).toBe("USAGE");
  });
});

describe("words", () => {
  test.each([
    ["", []],
    ["/bin/sh", ["/bin/sh"]],
    ['["/bin/sh","-c"]', ["/bin/sh", "-c"]],
    ["[odd", ["[odd"]],
  ])("the entrypoint %j", (text, expected) => {
    expect(parseEntrypoint(text, "--entrypoint")).toEqual(expected);
  });

  test("an entrypoint that is a list of something else is refused", () => {
    expect(thrownError(() => parseEntrypoint("[1]", "--entrypoint")).code).toBe("USAGE");
  });

  test.each([
    ["always", "always"],
    ["IfNotPresent", "missing"],
    ["true", "always"],
  ])("the pull policy %s", (text, expected) => {
    expect(parsePullPolicy(text, "--pull")).toBe(expected);
  });

  test("a signal that there is not is refused with the option's name", () => {
    expect(thrownError(() => parseSignalText("NOPE", "--stop-signal")).message).toContain(
      "parse --stop-signal",
    );
    expect(parseSignalText("SIGUSR1", "--stop-signal")).toBe("SIGUSR1");
  });

  test("octal modes and closed lists", () => {
    expect(octalMode("0022", "--umask")).toBe(0o22);
    expect(thrownError(() => octalMode("0o22", "--umask")).code).toBe("USAGE");
    expect(oneOf("a", "b")("b", "--x")).toBe("b");
    expect(thrownError(() => oneOf("a", "b")("c", "--x")).hint).toBe("use one of: a, b");
  });

  test("a sysctl is written with dots or slashes", () => {
    expect(parseSysctl("net/ipv4/ip_forward=1", "--sysctl")).toEqual(["net.ipv4.ip_forward", "1"]);
    for (const text of ["net.ipv4.ip_forward", "x=1", "../x.y=1", "=1"]) {
      expect(thrownError(() => parseSysctl(text, "--sysctl")).code).toBe("USAGE");
    }
  });
});
