import path from "node:path";
import { describe, expect, it } from "vitest";
import { defaultContainerOptions } from "../../../../src/container/options.ts";
import { containerOptionsOf } from "../../../../src/engine/library/run-options.ts";
import type { RunOptions } from "../../../../src/engine/library/types.ts";

describe("options of a library's container", () => {
  it("are the defaults where nothing is said, in the background, to go with the process", () => {
    const expected = { ...defaultContainerOptions, image: "busybox", detach: true };
    expect(containerOptionsOf("busybox", {})).toEqual({ ...expected, ephemeral: true });
    expect(containerOptionsOf("busybox", { keep: true, tty: undefined })).toEqual({
      ...expected,
      ephemeral: false,
    });
  });

  it("publish on loopback unless told otherwise", () => {
    const ports = [80, { container: 53, host: 5353, protocol: "udp", hostIp: "0.0.0.0" }] as const;
    expect(containerOptionsOf("busybox", { ports }).ports).toEqual([
      { hostIp: "127.0.0.1", containerPort: 80, protocol: "tcp" },
      { hostIp: "0.0.0.0", containerPort: 53, hostPort: 5353, protocol: "udp" },
    ]);
  });

  it("complete mounts, with sources from the working directory", () => {
    const { mounts } = containerOptionsOf("busybox", {
      mounts: [
        { type: "bind", source: "src", target: "/src" },
        { type: "volume", name: "data", target: "/data", readOnly: true },
        { type: "tmpfs", target: "/tmp", size: 4096 },
      ],
    });
    expect(mounts).toMatchObject([
      { source: path.resolve("src"), readOnly: false, recursive: true, chown: false },
      { name: "data", readOnly: true, copyUp: true },
      { size: 4096, copyUp: true },
    ]);
  });

  it("take over every other option, and part of some", () => {
    const options = containerOptionsOf("busybox", {
      env: { A: "1", B: undefined },
      security: { noNewPrivileges: true },
      network: "host",
      capDrop: ["ALL"],
      userns: { mode: "keep-id", uid: 7 },
      signal: AbortSignal.timeout(1000),
      onWarning: () => undefined,
    });
    expect(options).toMatchObject({
      env: [["A", "1"]],
      security: { noNewPrivileges: true, seccomp: "default" },
      network: { mode: "host" },
      capDrop: ["ALL"],
      userns: { mode: "keep-id", uid: 7 },
    });
    expect(options).not.toHaveProperty("signal");
    expect(options).not.toHaveProperty("onWarning");
    expect(options).not.toHaveProperty("keep");
  });

  it.each<[string, object, string]>([
    ["an unknown option", { volume: 1 }, 'there is no option "volume"'],
    [
      "an unknown part of one",
      { security: { selinux: 1 } },
      'security: there is no option "selinux"',
    ],
    ["a command line as text", { command: "sleep 1" }, "option command is not valid"],
    ["a port out of bounds", { ports: [70_000] }, "option ports.0"],
    ["a protocol that is none", { ports: [{ container: 1, protocol: "sctp" }] }, "option ports.0"],
    ["a mount of no type", { mounts: [{ target: "/x" }] }, "option mounts.0"],
    ["a mount without target", { mounts: [{ type: "tmpfs" }] }, "option mounts.0.target"],
    [
      "a bind mount without source",
      { mounts: [{ type: "bind", target: "/x" }] },
      "mounts.0.source",
    ],
    ["a network that is none", { network: "bridge" }, "option network is not valid"],
    ["a variable that is no text", { env: { A: 1 } }, "option env.A is not valid"],
    ["a fraction", { stopTimeout: 0.5 }, "option stopTimeout is not valid"],
    ["a policy that is none", { pull: "sometimes" }, "one of always, missing, never, newer"],
    ["another log driver", { logDriver: "passthrough" }, "option logDriver is not valid"],
    ["an id mapping that is none", { userns: { mode: "host" } }, "option userns is not valid"],
    ["a signal that is none", { signal: {} }, "option signal is not valid"],
    ["a restart without keep", { restart: { policy: "always" } }, "goes with this process"],
    ["a check that restarts", { health: { onFailure: "restart" } }, "goes with this process"],
    ["ports without network", { ports: [1], network: "host" }, "no ports to publish"],
  ])("refuse %s", (_, options, message) => {
    expect(() => containerOptionsOf("busybox", options as RunOptions)).toThrow(
      expect.objectContaining({ code: "USAGE", message: expect.stringContaining(message) }),
    );
  });

  it("refuse what is no image and what are no options, without repeating values", () => {
    const wrong = { credentials: { username: "u", password: 12_345 } };
    for (const [image, options] of [
      ["", {}],
      [7, {}],
      ["busybox", null],
      ["busybox", []],
      ["busybox", wrong],
    ]) {
      let message = "";
      try {
        containerOptionsOf(image as string, options as RunOptions);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toMatch(/^run image /);
      expect(message).not.toContain("12345");
    }
  });
});
