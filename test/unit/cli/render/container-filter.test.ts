import { describe, expect, it } from "vitest";
import { containerFilter } from "../../../../src/cli/render/container-filter.ts";
import type { ContainerSummary } from "../../../../src/engine/types.ts";
import { thrownError } from "../thrown-error.ts";

const summary: ContainerSummary = {
  id: "0".repeat(64),
  name: "web",
  image: "localhost/busybox:latest",
  command: ["httpd"],
  createdAt: "2026-01-01T00:00:00Z",
  state: "running",
  ports: [
    { hostIp: "", hostPort: 8080, containerPort: 80, protocol: "tcp" },
    { hostIp: "", hostPort: 5353, containerPort: 53, protocol: "udp" },
  ],
  exposed: [{ containerPort: 443, protocol: "tcp" }],
  labels: {},
  mounts: [],
  network: "slirp4netns",
  autoRemove: false,
  tty: false,
  interactive: false,
};

const passes = (filter: string) => containerFilter([filter])(summary, [summary]);

describe("filters by port", () => {
  it.each(["80", "80/tcp", "8080", "53/udp", "5353/udp", "8000-9000", "1-100/udp"])(
    "publish=%s keeps what publishes it, by either number",
    (port) => {
      expect(passes(`publish=${port}`)).toBe(true);
    },
  );

  it.each(["81", "80/udp", "53", "443", "9000-9001"])("publish=%s keeps nothing else", (port) => {
    expect(passes(`publish=${port}`)).toBe(false);
  });

  it("expose= asks for the container's own ports, published or not", () => {
    expect(["80", "443/tcp", "53/udp", "400-500"].map((port) => passes(`expose=${port}`))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(["8080", "443/udp"].map((port) => passes(`expose=${port}`))).toEqual([false, false]);
  });

  it.each(["http", "80-", "90-80", "80/sctp", "", "123456"])("publish=%s is no port", (port) => {
    expect(thrownError(() => passes(`publish=${port}`))).toMatchObject({ code: "USAGE" });
  });
});
