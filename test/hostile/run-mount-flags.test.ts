import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useStore } from "../integration/support.ts";
import { withOuterMounts } from "./outer-mounts.ts";

// S13: runc #3283 and its family (a read-only mount whose submounts are writable; flags of the
// source that are dropped, or can be, by a remount inside).
const store = useStore();
const everything = "--cap-add=ALL --security-opt=seccomp=unconfined --security-opt=unmask=ALL";

/** A tree of three mounts, of which the inner ones have stricter flags than the outer. */
const tree = [
  "mkdir $here/given && mount -t tmpfs -o mode=755 outer $here/given",
  "mkdir $here/given/sub && mount -t tmpfs -o nosuid,nodev,noexec middle $here/given/sub",
  "mkdir $here/given/sub/sub && mount -t tmpfs -o ro,noatime inner $here/given/sub/sub",
  "echo old >$here/given/file; echo old >$here/given/sub/file",
].join("\n");

const here = () => mkdtempSync(join(store().scratch, "here-"));
const run = (options: string, script: string) =>
  `$tsman run --rm --quiet --network none ${options} busybox sh -c '${script}' 2>$here/stderr || { cat $here/stderr; exit 1; }`;

describe("-v with :ro", () => {
  it.each(["", everything, "--privileged"])(
    "takes no write below any submount (options: %s)",
    async (options) => {
      const script = [
        "for d in /x /x/sub /x/sub/sub; do",
        "  (echo new >$d/file) 2>&- && echo wrote $d",
        "  (echo new >$d/fresh) 2>&- && echo made in $d",
        "  chmod 777 $d 2>&- && echo changed $d",
        "done; cat /x/file /x/sub/file",
      ].join("\n");
      const said = await withOuterMounts(
        store(),
        here(),
        `${tree}\n${run(`${options} -v $here/given:/x:ro`, script)}`,
      );
      expect(said).toBe("old\nold\n");
    },
  );

  // A program with CAP_SYS_ADMIN can: the container's own user namespace has made the mount
  // read-only.  Whoever is in another one below cannot.
  it.each(["", "--cap-drop=ALL", "--security-opt=seccomp=unconfined"])(
    "stays read-only when a program remounts, unmounts or binds it (options: %s)",
    async (options) => {
      const attack = [
        "mkdir /tmp/b; for d in /x /x/sub /x/sub/sub; do",
        "  mount -o remount,rw $d 2>&-; mount -o remount,rw,bind $d 2>&-",
        "  mount -o remount,rw,bind,suid,dev,exec $d 2>&-",
        "  mount -o remount,rw,bind,nosuid,nodev $d 2>&-",
        "  (echo new >$d/file) 2>&- && echo wrote $d after a remount",
        "  mount --rbind $d /tmp/b 2>&- && { echo bound $d; mount -o remount,rw,bind /tmp/b 2>&-;",
        "    mount -o remount,rw,bind,nosuid,nodev /tmp/b 2>&-",
        "    (echo new >/tmp/b/file) 2>&- && echo wrote $d through a bind; umount -l /tmp/b; }",
        "done",
        "umount /x/sub/sub 2>&- && echo unmounted sub/sub",
        "umount /x/sub 2>&- && echo unmounted sub",
        "umount -l /x/sub 2>&- && echo unmounted sub lazily",
        "cat /x/file /x/sub/file",
      ].join("\n");
      const lowest = 'unshare -Urm sh -c "$attack" 2>&- | grep -v ^old; true';
      const said = await withOuterMounts(
        store(),
        here(),
        `${tree}\n${run(`${options} -v $here/given:/x:ro --env attack`, `eval "$attack"; ${lowest}`)}`,
        { attack },
      );
      // In a namespace of its own a program may bind, where it may make one at all.
      const bound = "bound /x\nbound /x/sub\nbound /x/sub/sub\n";
      expect(said).toBe(`old\nold\n${options.includes("unconfined") ? bound : ""}`);
    },
  );
});

describe("the flags of a mount that is given to a container", () => {
  const flags = (options: string, mount: string, more = "") =>
    `${tree}\n${run(`${options} -v $here/given:/x${mount}`, `${more}grep " /x" /proc/self/mountinfo`)}`;
  const read = (said: string) =>
    Object.fromEntries(
      said
        .trim()
        .split("\n")
        .map((line) => line.split(" "))
        .map((fields) => [fields[4] ?? "", (fields[5] ?? "").split(",")] as const),
    );

  it("are nosuid and nodev unless asked otherwise, below submounts as well", async () => {
    const seen = read(await withOuterMounts(store(), here(), flags("", "")));
    for (const path of ["/x", "/x/sub", "/x/sub/sub"]) {
      expect(seen[path], path).toEqual(expect.arrayContaining(["nosuid", "nodev"]));
    }
  });

  it.each([":suid,dev,exec", ":rw", ":suid,dev,exec,rw"])(
    "are kept from the source, whatever is asked for (%s)",
    async (asked) => {
      for (const options of ["", "--privileged"]) {
        const seen = read(await withOuterMounts(store(), here(), flags(options, asked)));
        expect(seen["/x/sub"]).toEqual(expect.arrayContaining(["nosuid", "nodev", "noexec"]));
        expect(seen["/x/sub/sub"]).toEqual(expect.arrayContaining(["ro", "noatime"]));
      }
    },
  );

  it("cannot be taken away inside", async () => {
    const more = [
      "for d in /x/sub /x/sub/sub; do",
      "  mount -o remount,bind,rw,suid,dev,exec,atime $d 2>&-",
      "  mount -o remount,bind,rw,suid,dev,exec $d 2>&-",
      "  mount -o remount,bind,suid,nodev,noexec $d 2>&-",
      "done\n",
    ].join("\n");
    const seen = read(await withOuterMounts(store(), here(), flags("--privileged", ":rw", more)));
    expect(seen["/x/sub"]).toEqual(expect.arrayContaining(["nosuid", "nodev", "noexec"]));
    expect(seen["/x/sub/sub"]).toEqual(expect.arrayContaining(["ro", "noatime"]));
  });
});
