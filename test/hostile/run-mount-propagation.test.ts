import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useStore } from "../integration/support.ts";
import { mountsOf } from "../support/proc.ts";
import { withOuterMounts } from "./outer-mounts.ts";

// S14: what a container mounts stays its own, and what the host mounts later is not shown to it.
const store = useStore();
const here = () => mkdtempSync(join(store().scratch, "here-"));
const privileged = "--privileged";

/** A shared mount, as all of a systemd host's are: mount_namespaces(7). */
const shared = [
  "mount --make-rshared /",
  "mkdir $here/given && mount -t tmpfs shared $here/given && mount --make-shared $here/given",
  "mkdir $here/given/sub",
].join("\n");

const inContainer = (volume: string, script: string) =>
  `$tsman run --rm --quiet --network none ${privileged} -v $here/given:/x${volume} busybox sh -c '${script}'`;

describe("a mount that a container makes", () => {
  const mountIt = "mount -t tmpfs evil /x/sub && echo mounted";

  it.each(["", ":rprivate", ":rslave", ":slave", ":private"])(
    "is not seen on the host (-v …%s)",
    async (volume) => {
      const said = await withOuterMounts(
        store(),
        here(),
        `${shared}\n${inContainer(volume, mountIt)}\ngrep evil /proc/self/mountinfo || echo unseen`,
      );
      expect(said).toBe("mounted\nunseen\n");
    },
  );

  it("is not seen by this process either", async () => {
    const before = readFileSync("/proc/self/mountinfo", "utf8");
    const script =
      "mkdir /m && mount -t tmpfs evil /m && mount --make-rshared / && mount -t tmpfs evil /tmp; grep -c evil /proc/self/mountinfo";
    const args = ["run", "--rm", "--network=none", privileged, "-v", "/tmp:/x"];
    const { stdout } = await store().succeed([...args, "busybox", "sh", "-c", script]);
    expect(stdout).toBe("2\n");
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(before);
  });
});

describe("a mount that the host makes while a container runs", () => {
  const late = (volume: string) =>
    [
      shared,
      `id=$($tsman run -d --quiet --timeout 600 --network none -v $here/given:/x${volume} busybox sh -c 'trap "ls /x/sub; echo asked" USR1; echo up; while :; do sleep 0.1; done')`,
      "until $tsman logs $id | grep -q up; do :; done",
      "mount -t tmpfs late $here/given/sub; echo stick >$here/given/sub/stick",
      "$tsman kill --signal USR1 $id >/dev/null",
      "until $tsman logs $id | grep -q asked; do :; done",
      "$tsman logs $id; $tsman rm -f --time 0 $id >/dev/null",
    ].join("\n");

  it.each(["", ":rprivate", ":ro"])("is not seen inside (-v …%s)", async (volume) => {
    expect(await withOuterMounts(store(), here(), late(volume))).toBe("up\nasked\n");
  });

  it.each([":rslave", ":rshared"])("is seen when that is asked for (-v …%s)", async (volume) => {
    expect(await withOuterMounts(store(), here(), late(volume))).toBe("up\nstick\nasked\n");
  });
});

describe("the mounts of a container", () => {
  it("are in no peer group with those of the host unless asked for", async () => {
    const args = ["run", "-d", "--network=none", "--pidfile", join(store().scratch, "pid")];
    const { stdout } = await store().succeed([...args, "-v", "/tmp:/x", "busybox", "sleep", "100"]);
    const pid = Number(readFileSync(join(store().scratch, "pid"), "utf8"));
    const groups = mountsOf(pid).flatMap(({ propagation }) => propagation);
    await store().succeed(["rm", "--force", "--time", "0", stdout.trim()]);
    expect(groups).toEqual([]);
  });
});
