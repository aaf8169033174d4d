import { describe, expect, it } from "vitest";
import { disableUserns, resolveSysctls, sysctlPath } from "../../../src/bundle/sysctls.ts";
import { mapping, optionsOf } from "./bundle-request.ts";

const own = { ipc: false, network: false, uts: false, user: false };

describe("sysctlPath", () => {
  it.each([
    ["net.ipv4.ip_forward", "1", "net/ipv4/ip_forward"],
    ["net/ipv4/conf/eth0.1/mtu", "1400", "net/ipv4/conf/eth0.1/mtu"],
    ["kernel.shm_rmid_forced", "1", "kernel/shm_rmid_forced"],
    ["fs.mqueue.msg_max", "100", "fs/mqueue/msg_max"],
    ["user.max_user_namespaces", "0", "user/max_user_namespaces"],
    ["net.ipv4.ping_group_range", "0 1000", "net/ipv4/ping_group_range"],
  ])("allows %s=%s", (key, value, path) => {
    expect(sysctlPath(key, value, own)).toBe(path);
  });

  it.each([
    "kernel.core_pattern",
    "kernel.hostname",
    "vm.swappiness",
    "fs.file-max",
    "kernel.shmmax.x",
    "netx.foo",
    "user.max_inotify_watches",
  ])("refuses %s, which is not namespaced", (key) => {
    expect(() => sysctlPath(key, "1", own)).toThrow("not a setting of a namespace");
  });

  // S31, CVE-2022-0811: a value that a splitting engine would take for a second setting.
  it.each(["1+kernel.core_pattern=|/bin/x", "1\nkernel.core_pattern=x", "a=b", "", "$(x)"])(
    "refuses the value %j",
    (value) => {
      expect(() => sysctlPath("kernel.shm_rmid_forced", value, own)).toThrow("holds a character");
    },
  );

  it.each([
    "net/../kernel/core_pattern",
    "net..ipv4",
    "/net/ipv4",
    "net",
    "",
    "NET.ipv4.x",
    "net.a b",
  ])("refuses the key %j", (key) => {
    expect(() => sysctlPath(key, "1", own)).toThrow(/not a (key|setting)/);
  });

  it("refuses settings of a namespace that is not the container's", () => {
    expect(() => sysctlPath("net.ipv4.ip_forward", "1", { ...own, network: true })).toThrow(
      "the network namespace is not the container's",
    );
    expect(() => sysctlPath("kernel.sem", "1", { ...own, ipc: true })).toThrow("ipc namespace");
    expect(() => sysctlPath("kernel.domainname", "x", { ...own, uts: true })).toThrow("uts");
    expect(() => sysctlPath("user.max_net_namespaces", "1", { ...own, user: true })).toThrow(
      "the user namespace is not the container's",
    );
  });
});

describe("resolveSysctls", () => {
  const ping = "net.ipv4.ping_group_range";

  it("lets the container's groups ping, unless the user says otherwise", () => {
    expect(resolveSysctls(optionsOf(), mapping.gid, true)[ping]).toEqual({
      value: "0 0",
      because: "default",
    });
    const asked = optionsOf({ sysctls: { [ping]: "1 0" } });
    expect(resolveSysctls(asked, mapping.gid, true)[ping]?.value).toBe("1 0");
  });

  it("leaves the limits of a user namespace that is another container's", () => {
    const sysctls = { "user.max_user_namespaces": "0" };
    const joined = optionsOf({ sysctls, ipc: { mode: "container", container: "other" } });
    expect(() => resolveSysctls(joined, mapping.gid, true)).toThrow("the user namespace is not");
  });

  it("sets nothing by itself in a foreign network, without gid 0, or nested", () => {
    expect(resolveSysctls(optionsOf({ network: { mode: "host" } }), mapping.gid, true)).toEqual({});
    expect(resolveSysctls(optionsOf(), [{ inside: 5, outside: 5, count: 1 }], true)).toEqual({});
    expect(resolveSysctls(optionsOf(), mapping.gid, false)).toEqual({});
  });
});

describe("--disable-userns", () => {
  const asked = { disableUserns: true };

  it("is a limit of the container's own user namespace", () => {
    expect(disableUserns(optionsOf(), [])).toEqual({});
    expect(disableUserns(optionsOf(asked), ["CAP_CHOWN"])).toEqual({
      "user.max_user_namespaces": { value: "0", because: "--disable-userns" },
    });
  });

  it("is refused where it would not hold", () => {
    expect(() => disableUserns(optionsOf(asked), ["CAP_SYS_RESOURCE"])).toThrow("taken back");
    const joined = optionsOf({ ...asked, pid: { mode: "container", container: "other" } });
    expect(() => disableUserns(joined, [])).toThrow("another container's");
  });

  it("is refused beside a setting that says otherwise", () => {
    const beside = (key: string, value: string) =>
      disableUserns(optionsOf({ ...asked, sysctls: { [key]: value } }), []);
    for (const key of ["user.max_user_namespaces", "user/max_user_namespaces"]) {
      expect(() => beside(key, "5")).toThrow(`--disable-userns: --sysctl ${key}=5 allows them`);
    }
    expect(beside("user.max_user_namespaces", "0")).toHaveProperty(["user.max_user_namespaces"]);
    expect(beside("user.max_pid_namespaces", "5")).toHaveProperty(["user.max_user_namespaces"]);
  });
});
