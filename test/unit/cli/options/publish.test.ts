import { describe, expect, test } from "vitest";
import { parseExpose, parsePublish } from "../../../../src/cli/options/publish.ts";
import { thrownError } from "../thrown-error.ts";

describe("--publish", () => {
  test.each([
    ["80", [{ containerPort: 80, protocol: "tcp" }]],
    ["8080:80", [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }]],
    ["53:53/udp", [{ hostPort: 53, containerPort: 53, protocol: "udp" }]],
    ["8080:80/TCP", [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }]],
    ["0:80", [{ containerPort: 80, protocol: "tcp" }]],
    [
      "127.0.0.1:8080:80",
      [{ hostIp: "127.0.0.1", hostPort: 8080, containerPort: 80, protocol: "tcp" }],
    ],
    ["127.0.0.1::80", [{ hostIp: "127.0.0.1", containerPort: 80, protocol: "tcp" }]],
    ["[::1]:8080:80", [{ hostIp: "::1", hostPort: 8080, containerPort: 80, protocol: "tcp" }]],
    ["[::]::80/udp", [{ hostIp: "::", containerPort: 80, protocol: "udp" }]],
    ["::80", [{ containerPort: 80, protocol: "tcp" }]],
    [
      "8000-8001:80-81",
      [
        { hostPort: 8000, containerPort: 80, protocol: "tcp" },
        { hostPort: 8001, containerPort: 81, protocol: "tcp" },
      ],
    ],
    [
      "80-81",
      [
        { containerPort: 80, protocol: "tcp" },
        { containerPort: 81, protocol: "tcp" },
      ],
    ],
  ])("%s", (text, expected) => {
    expect(parsePublish(text, "--publish")).toEqual(expected);
  });

  test.each([
    ["", '"" is no port'],
    ["x", '"x" is no port'],
    ["8080:", '"" is no port'],
    ["8080:0", "port 0 is out of bounds"],
    ["70000:80", "port 70000 is out of bounds"],
    ["80/icmp", 'unknown protocol "icmp"'],
    ["localhost:80:80", '"localhost" is no IP address'],
    ["1.2.3:80:80", '"1.2.3" is no IP address'],
    ["::1:8080:80", "more than three parts"],
    ["[::1]:80", "after an address come HOSTPORT:CONTAINERPORT"],
    ["[1.2.3.4]:80:80", '"1.2.3.4" is no IPv6 address'],
    ["8000-8002:80-81", "the two ranges differ in length"],
    ["8001-8000:80-81", "the range ends before it begins"],
    ["-1:80", '"-1" is no port'],
  ])("%j is refused: %s", (text, why) => {
    const error = thrownError(() => parsePublish(text, "--publish"));
    expect(error.code).toBe("USAGE");
    expect(error.message).toBe(`parse --publish ${JSON.stringify(text)}: ${why}`);
    expect(error.hint).toBeDefined();
  });

  test("sctp is refused as unsupported", () => {
    expect(thrownError(() => parsePublish("80/sctp", "--publish")).code).toBe("OPTION_UNSUPPORTED");
  });
});

describe("--expose", () => {
  test("takes a port, a range and a protocol", () => {
    expect(parseExpose("80-81/udp", "--expose")).toEqual([
      { containerPort: 80, protocol: "udp" },
      { containerPort: 81, protocol: "udp" },
    ]);
  });

  test("has no place for a port of the host", () => {
    expect(thrownError(() => parseExpose("80:80", "--expose")).message).toContain(
      "a port of the host has no place here",
    );
  });
});
