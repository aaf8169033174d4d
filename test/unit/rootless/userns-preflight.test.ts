import { describe, expect, it } from "vitest";
import { apparmorProfile } from "../../../src/rootless/apparmor-profile.ts";
import type { UsernsFacts } from "../../../src/rootless/userns-facts.ts";
import {
  explainUsernsFailure,
  type UsernsFailure,
} from "../../../src/rootless/userns-preflight.ts";

const eperm = 1;
const enoent = 2;
const eagain = 11;
const einval = 22;
const enospc = 28;

const open: UsernsFacts = {
  limits: { user: 10_000, mnt: 10_000, net: 10_000, pid: 10_000 },
  unprivilegedUsernsClone: undefined,
  apparmorRestrict: undefined,
  isSupported: true,
  noNewPrivileges: false,
  isFiltered: false,
  isInContainer: false,
  userName: "ada",
  ranges: {
    reservedUid: [{ start: 100_000, count: 65_536 }],
    reservedGid: [],
    offeredUid: [{ start: 0, count: 4_294_967_295 }],
    offeredGid: [{ start: 0, count: 4_294_967_295 }],
  },
};
const unshare: UsernsFailure = {
  stage: "stage 1",
  operation: "unshare",
  object: "user",
  errno: eperm,
  detail: "",
};
const mapTool: UsernsFailure = {
  stage: "map",
  operation: "run",
  object: "/usr/bin/newuidmap",
  errno: eperm,
  detail: "",
};
const program = "/opt/tsman/dist/libexec/tsman-native";

const explain = (
  failure: UsernsFailure | string,
  facts: Partial<UsernsFacts> = {},
): ReturnType<typeof explainUsernsFailure> =>
  explainUsernsFailure(failure, { ...open, ...facts }, program);

describe("a refused user namespace is explained by what refuses it, with the remedy", () => {
  const table: {
    name: string;
    failure: UsernsFailure;
    facts: Partial<UsernsFacts>;
    message: RegExp;
    hint: RegExp;
  }[] = [
    {
      name: "Debian's sysctl",
      failure: unshare,
      facts: { unprivilegedUsernsClone: 0 },
      message:
        /^unshare user: operation not permitted \(EPERM\): kernel\.unprivileged_userns_clone = 0/,
      hint: /sysctl -w kernel\.unprivileged_userns_clone=1/,
    },
    {
      name: "Ubuntu's AppArmor restriction",
      failure: { ...unshare, object: "mount,pid" },
      facts: { apparmorRestrict: 1 },
      message: /kernel\.apparmor_restrict_unprivileged_userns = 1/,
      hint: /userns,[\s\S]*apparmor_parser -r/,
    },
    {
      name: "the same, noticed when the map is written",
      failure: { ...unshare, stage: "map", operation: "write", object: "/proc/7/uid_map" },
      facts: { apparmorRestrict: 1 },
      message: /write \/proc\/7\/uid_map.*apparmor/,
      hint: /apparmor_parser/,
    },
    {
      name: "a limit of none",
      failure: { ...unshare, errno: enospc },
      facts: { limits: { user: 0, mnt: 5 } },
      message: /user\.max_user_namespaces = 0: this host allows none/,
      hint: /sysctl -w user\.max_user_namespaces=15000/,
    },
    {
      name: "a limit of none that the kernel reports as a refusal",
      failure: unshare,
      facts: { limits: { user: 0 } },
      message: /user\.max_user_namespaces = 0/,
      hint: /max_user_namespaces=15000/,
    },
    {
      name: "a limit of another kind of namespace",
      failure: { ...unshare, object: "mount,network,pid", errno: enospc },
      facts: { limits: { user: 1000, mnt: 1000, net: 3, pid: 1000, uts: 0 } },
      message: /user\.max_net_namespaces = 3: all are in use/,
      hint: /max_net_namespaces=/,
    },
    {
      name: "a limit of pid namespaces, which the container's first process meets",
      failure: { ...unshare, operation: "clone", object: "init", errno: enospc },
      facts: { limits: { user: 1000, mnt: 1000, pid: 3 } },
      message: /^clone init.*user\.max_pid_namespaces = 3: all are in use/,
      hint: /max_pid_namespaces=/,
    },
    {
      name: "the filter of a container around us",
      failure: unshare,
      facts: { isFiltered: true, isInContainer: true },
      message: /seccomp filter is in force: the container around tsman/,
      hint: /seccomp=unconfined/,
    },
    {
      name: "a kernel without them",
      failure: { ...unshare, errno: einval },
      facts: { isSupported: false },
      message: /CONFIG_USER_NS/,
      hint: /kernel with CONFIG_USER_NS/,
    },
    {
      name: "the limit of processes",
      failure: { ...unshare, errno: eagain },
      facts: {},
      message: /as many processes as you may/,
      hint: /ulimit -u/,
    },
    {
      name: "something unknown",
      failure: unshare,
      facts: {},
      message: /the kernel or a security module forbids it/,
      hint: /dmesg/,
    },
  ];

  it.each(table)("$name", ({ failure, facts, message, hint }) => {
    const error = explain(failure, facts);
    expect(error.code).toBe("PREFLIGHT_USERNS");
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it("gives the AppArmor profile as data too", () => {
    const { details } = explain(unshare, { apparmorRestrict: 1 });
    expect(details.profile).toBe(apparmorProfile(program));
  });
});

describe("a map that newuidmap did not write is explained by what it said", () => {
  it("a range that is not the caller's", () => {
    const error = explain({
      ...mapTool,
      detail: "newuidmap: uid range [1-65537) -> [100000-165536) not allowed\n",
    });
    expect(error.code).toBe("PREFLIGHT_SUBID");
    expect(error.message).toMatch(/100000-165535 among your ranges in \/etc\/subuid/);
    expect(error.hint).toMatch(/usermod --add-subuids 165536-231071 .* ada/);
  });

  it("no privilege", () => {
    const error = explain({
      ...mapTool,
      object: "/usr/bin/newgidmap",
      detail: "newgidmap: write to gid_map failed: Operation not permitted\n",
    });
    expect(error.code).toBe("PREFLIGHT_USERNS");
    expect(error.hint).toMatch(/chmod u\+s/);
    expect(error.message).toMatch(/newgidmap/);
  });

  it("no_new_privs", () => {
    const failure = { ...mapTool, detail: "newuidmap: write to uid_map failed: …" };
    const error = explain(failure, { noNewPrivileges: true });
    expect(error.message).toMatch(/no_new_privs = 1/);
  });

  it("no such program", () => {
    const error = explain({ ...mapTool, operation: "execute", errno: enoent });
    expect(error.message).toMatch(/cannot be started \(no such file or directory\)/);
    expect(error.hint).toMatch(/apt install uidmap/);
  });
});

describe("the native program's line on stderr is understood as well", () => {
  it("with errno", () => {
    const line = "tsman-native: stage 1: unshare user: No space left on device (errno 28)\n";
    const error = explain(line, { limits: { user: 2 } });
    expect(error.message).toMatch(/^unshare user: .*ENOSPC.*user\.max_user_namespaces = 2/);
  });

  it("with what a tool said", () => {
    const error = explain(
      "tsman-native: map: run /usr/bin/newuidmap: Operation not permitted (errno 1): " +
        "newuidmap: uid range [1-6) -> [700000-700005) not allowed\n",
    );
    expect(error.code).toBe("PREFLIGHT_SUBID");
    expect(error.message).toMatch(/^run \/usr\/bin\/newuidmap: .* 700000-700004 among your ranges/);
  });

  it("or is shown as it is", () => {
    const error = explain("something else\nentirely");
    expect(error.message).toBe("make a user namespace: something else; entirely");
  });
});

it("the AppArmor profile names exactly this file, however it is called", () => {
  expect(apparmorProfile("/no/such/dir [1]/x*")).toContain('"/no/such/dir \\[1\\]/x\\*"');
});

it("names AppArmor where a map is refused in a namespace that was made", () => {
  const failure = { ...mapTool, detail: "newuidmap: open of uid_map failed: Permission denied" };
  for (const facts of [{ apparmorRestrict: 1 }, { apparmorLabel: "unprivileged_userns" }]) {
    const error = explain(failure, facts);
    expect(error.message).toMatch(/apparmor/i);
    expect(error.hint).toContain("apparmor_parser");
    expect(error.details.profile).toBe(apparmorProfile(program));
  }
  expect(explain(failure).hint).toContain("setuid bit");
});
