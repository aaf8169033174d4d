import os from "node:os";
import { describe, expect, it } from "vitest";
import { monitorError, monitorFailureOf } from "../../../src/runtime/failure.ts";
import { stepRecord } from "../../../src/runtime/launch-plan.ts";
import type { MonitorFailure } from "../../../src/runtime/monitor-handle.ts";

const errno = os.constants.errno;
const failureOf = (rest: Partial<MonitorFailure>): MonitorFailure => ({
  stepIndex: 3,
  stage: "init",
  operation: "mount",
  object: "/data",
  errno: errno.EINVAL,
  detail: "",
  ...rest,
});
const execOf = (rest: Partial<MonitorFailure>) =>
  monitorError(failureOf({ stage: "exec", operation: "execute", object: "/bin/app", ...rest }));

describe("monitorError", () => {
  it("says what was done to what, for whom, and why it failed", () => {
    const step = stepRecord("BIND", ["@1", "/data"], "-v /src:/data");
    const error = monitorError(failureOf({ step, detail: "overlay: too many layers" }));
    expect(error.message).toBe(
      "mount /data (-v /src:/data): invalid argument (overlay: too many layers)",
    );
    expect(error.code).toBe("RUNTIME_FAILED");
    expect(error.details).toMatchObject({ errno: "EINVAL", stepName: "BIND", step: 3 });
  });

  it("does not repeat that something is a default", () => {
    const step = stepRecord("MOUNT", ["proc", "proc", "/proc"], "default");
    expect(monitorError(failureOf({ step })).message).toBe("mount /data: invalid argument");
  });

  it("never shows a bare number, not even of an errno that Node has no words for", () => {
    const message = monitorError(failureOf({ errno: errno.EBADMSG })).message;
    expect(message).not.toMatch(/-?\d+/);
  });

  it("keeps the failure for whoever knows more", () => {
    const failure = failureOf({});
    expect(monitorFailureOf(monitorError(failure))).toBe(failure);
    expect(monitorFailureOf(new Error("x"))).toBeUndefined();
  });

  it.each([
    [errno.ENOENT, "COMMAND_NOT_FOUND", 127],
    [errno.ENOTDIR, "COMMAND_NOT_FOUND", 127],
    [errno.EACCES, "COMMAND_NOT_EXECUTABLE", 126],
    [errno.ENOEXEC, "COMMAND_NOT_EXECUTABLE", 126],
    [errno.EISDIR, "COMMAND_NOT_EXECUTABLE", 126],
    [errno.EPERM, "COMMAND_NOT_EXECUTABLE", 126],
  ])("ends with the shell's status when execve fails with %i", (number, code, status) => {
    const error = execOf({ errno: number });
    expect(error).toMatchObject({ code, exitStatus: status });
    expect(error.message).toContain("/bin/app");
  });

  it("tells a missing program from a missing interpreter in the hint", () => {
    expect(execOf({ errno: errno.ENOENT }).hint).toContain("interpreter");
    expect(execOf({ errno: errno.ENOENT, object: "app" }).hint).toContain("PATH");
  });

  it("sends failures of user namespaces to the preflight", () => {
    const stage1 = failureOf({ stage: "stage 1", operation: "unshare", errno: errno.EPERM });
    expect(monitorError(stage1).code).toBe("PREFLIGHT_USERNS");
    const map = failureOf({ stage: "map", operation: "execute", object: "newuidmap" });
    expect(monitorError(map)).toMatchObject({ code: "PREFLIGHT_USERNS" });
    expect(monitorError(map).hint).toContain("tsman doctor");
  });

  it("names the alternative when the network fails", () => {
    const network = failureOf({ stage: "network", operation: "wait for", object: "slirp4netns" });
    expect(monitorError(network)).toMatchObject({ code: "NETWORK_FAILED" });
    const tun = monitorError({ ...network, detail: "open(/dev/net/tun): No such device" });
    expect(tun.code).toBe("PREFLIGHT_NETWORK");
    expect(tun.hint).toContain("--network none");
  });

  it.each([
    ["CHDIR", "change directory", errno.ENOENT, "WORKDIR_NOT_FOUND"],
    ["CHDIR", "change directory", errno.ENOTDIR, "WORKDIR_UNUSABLE"],
    ["USER", "look up group", errno.ENOENT, "USER_UNUSABLE"],
    ["USER", "setresuid", errno.EINVAL, "USER_UNUSABLE"],
    ["USER", "append to", errno.ENOENT, "RUNTIME_FAILED"],
    ["HOST_USER", "append to", errno.EROFS, "RUNTIME_FAILED"],
  ] as const)("of %s, in %s with errno %d, is %s", (name, operation, number, code) => {
    const step = stepRecord(name, ["x", "", "", "", ""], "asked");
    expect(monitorError(failureOf({ step, operation, errno: number })).code).toBe(code);
  });

  it.each([
    [stepRecord("CHDIR", ["/x", "0"], "--workdir"), errno.ENOENT, "-w"],
    [stepRecord("CHDIR", ["/x", "1"], "/process/cwd"), errno.EROFS, "this root is read-only"],
    [stepRecord("USER", ["5", "", ""], "/process/user"), errno.EINVAL, "/linux/uidMappings"],
    [stepRecord("USER", ["5", "", ""], "exec --user"), errno.EINVAL, "/linux/uidMappings"],
    [stepRecord("CHDIR", ["/x", "0"], "exec --cwd"), errno.ENOENT, "make the directory before"],
    [
      stepRecord("CHDIR", ["/x", "0"], "exec --process: /cwd"),
      errno.ENOENT,
      "make the directory before",
    ],
    [stepRecord("MOUNT", [], "/mounts/7"), errno.EPERM, "bind it"],
    [stepRecord("OOM_SCORE", ["-5"], "/process/oomScoreAdj"), errno.EACCES, "only raise it"],
    [stepRecord("SYSCTL", ["a/b", "1"], "/linux/sysctl/a.b"), errno.EACCES, "its own root"],
    [stepRecord("EXEC", ["x"], "/process/args"), errno.ENOMEM, "/process/rlimits"],
    [stepRecord("EXEC", ["x"], "image"), errno.ENOMEM, "--ulimit"],
    [stepRecord("USER", ["5", "", ""], "--user"), errno.EINVAL, "not mapped"],
    [stepRecord("USER", ["joe", "", ""], "--user"), errno.ENOENT, "/etc/passwd"],
    [stepRecord("ROOT_OVERLAY", [], "image"), errno.EPERM, "tsman doctor"],
    [stepRecord("CHDIR", ["/x", "0"], "--workdir"), errno.EMFILE, "ulimit -n"],
    [stepRecord("MOUNT", [], "default"), errno.ELOOP, "symbolic link"],
    [stepRecord("SECCOMP", [], "default"), errno.EINVAL, "seccomp=unconfined"],
    [stepRecord("CAPS", ["", "", "", "", ""], "default"), errno.EPERM, "CapPrm"],
  ])("has a remedy for %j", (step, number, remedy) => {
    expect(monitorError(failureOf({ step, errno: number })).hint).toContain(remedy);
  });

  it("names the filter where the program may not be executed, as whoever asked for it does", () => {
    const denied = (because: string) =>
      execOf({ step: stepRecord("EXEC", ["app"], because), errno: errno.EPERM }).hint;
    expect(denied("/process/args")).toContain("/linux/seccomp");
    expect(denied("image")).toContain("--security-opt seccomp");
  });

  it("names what of a user could not be set, and the maps that could not be written", () => {
    const user = stepRecord("USER", ["0", "5", ""], "/process/user");
    const groups = failureOf({ step: user, operation: "setgroups", errno: errno.EPERM });
    expect(monitorError(groups).message).toContain("(/process/user/additionalGids)");
    const step = stepRecord("USER", [], "/linux/uidMappings");
    const map = failureOf({ stage: "map", step, errno: errno.EPERM });
    expect(monitorError(map).hint).toContain("/etc/subuid");
  });

  it("has a remedy for groups that may not be set, and for a sysfs without a network", () => {
    const user = stepRecord("USER", ["0", "5", ""], "/process/user");
    const groups = failureOf({ step: user, operation: "setgroups", errno: errno.EPERM });
    expect(monitorError(groups).hint).toContain("/linux/gidMappings");
    const mount = stepRecord("MOUNT", [], "/mounts/1");
    const sysfs = failureOf({ step: mount, object: "sysfs on /sys", errno: errno.EPERM });
    expect(monitorError(sysfs).hint).toContain("network namespace");
  });
});
