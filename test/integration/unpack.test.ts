import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { names } from "../../images/non-utf8/recipe.ts";
import { exactTime, netBindService } from "../../images/special/recipe.ts";
import { idOutside } from "../support/subordinate-ids.ts";
import { xattrsOf } from "../support/xattr.ts";
import { pullLayers } from "./stored-layer.ts";
import { useStore } from "./support.ts";

const store = useStore();

const pulled = new Map<string, Promise<string[]>>();

/** Layer number `index` (busybox is 0) of an image, and a way to look at its files. */
async function layer(name: string, index: number) {
  const layers = pulled.get(name) ?? pullLayers(store(), name);
  pulled.set(name, layers);
  const directory = (await layers)[index] ?? "";
  const at = (path: string | Buffer) =>
    Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path)]);
  const stat = (path: string | Buffer): BigIntStats => lstatSync(at(path), { bigint: true });
  return {
    directory,
    stat,
    mode: (path: string) => Number(stat(path).mode & 0o7777n).toString(8),
    ids: (path: string) => [Number(stat(path).uid), Number(stat(path).gid)],
    read: (path: string | Buffer) => readFileSync(at(path)),
    xattrs: (path: string) => xattrsOf(at(path)),
    at,
  };
}

/** Owner and group outside for ids inside. */
function owner(uid: number, gid: number): [number, number] {
  return [idOutside("uid", uid), idOutside("gid", gid)];
}

describe("an unpacked layer keeps", () => {
  it("owners, as ids of the user's subordinate range", async () => {
    const { ids } = await layer("special", 1);
    expect(ids("special")).toEqual(owner(0, 0));
    expect(ids("special/user")).toEqual(owner(1000, 1001));
    expect(ids("special/nobody")).toEqual(owner(65534, 65534));
    expect(ids("special/fifo")).toEqual(owner(1000, 1001));
    expect(ids("special/link")).toEqual(owner(1000, 1001));
    expect(ids("special/setgid-dir")).toEqual(owner(0, 1001));
  });

  it("the owners of a distribution's base image", async () => {
    const { ids, mode } = await layer("apt-like", 1);
    expect(ids("var/lib/apt/lists/partial")).toEqual(owner(100, 0));
    expect(mode("var/lib/apt/lists/partial")).toBe("700");
    expect(ids("etc/shadow")).toEqual(owner(0, 42));
    expect(mode("etc/shadow")).toBe("640");
    expect(ids("var/mail")).toEqual(owner(0, 8));
    expect(mode("var/mail")).toBe("2775");
    expect(ids("srv")).toEqual(owner(65534, 65534));
  });

  it("modes with setuid, setgid and sticky bits, also of files that are not root's", async () => {
    const { mode } = await layer("special", 1);
    expect(mode("special/setuid")).toBe("4755");
    expect(mode("special/setgid")).toBe("2755");
    expect(mode("special/setuid-of-user")).toBe("6755");
    expect(mode("special/sticky")).toBe("1777");
    expect(mode("special/setgid-dir")).toBe("2775");
    expect(mode("special/secret")).toBe("0");
    expect(mode("special/read-only")).toBe("555");
    expect(mode("special/read-only/file")).toBe("444");
  });

  it("the content of files in directories that are closed to writing", async () => {
    const { read } = await layer("special", 1);
    expect(read("special/read-only/file").toString()).toBe("inside\n");
  });

  it("times to the nanosecond, of files, directories and symbolic links", async () => {
    const { stat } = await layer("special", 1);
    const exact = BigInt(exactTime.seconds) * 1_000_000_000n + BigInt(exactTime.nanoseconds);
    expect(stat("special/exact-time").mtimeNs).toBe(exact);
    // Entries were made in it afterwards: its time has to be set last.
    expect(stat("special").mtimeNs).toBe(exact);
    expect(stat("special/link").mtimeNs).toBe(exact);
    expect(stat("special/before-1970").mtimeNs).toBe(-86_400_000_000_000n);
  });

  it("file capabilities, also of files that are not root's", async () => {
    const { xattrs } = await layer("special", 1);
    for (const path of ["special/capable", "special/capable-of-user"]) {
      const value = xattrs(path)["security.capability"];
      // Seen from outside the kernel shows revision 3, which names the namespace's root user:
      // the same permitted set, and our own uid (capabilities(7)).
      expect(value?.subarray(4, 20)).toEqual(netBindService.subarray(4, 20));
      expect(value?.readUInt32LE(0)).toBe(0x03000001);
      expect(value?.readUInt32LE(20)).toBe(idOutside("uid", 0));
    }
  });

  it("user xattrs, with binary values", async () => {
    const { xattrs } = await layer("special", 1);
    expect(xattrs("special/xattr")).toMatchObject({
      "user.colour": Buffer.from("blue"),
      "user.binary": Buffer.from([0, 1, 0x0a, 0xff]),
    });
    expect(xattrs("special/xattr-dir")["user.colour"]?.toString()).toBe("green");
  });

  it("fifos, and leaves device nodes out", async () => {
    const { stat, mode, directory } = await layer("special", 1);
    expect(stat("special/fifo").isFIFO()).toBe(true);
    expect(mode("special/fifo")).toBe("620");
    const present = readdirSync(join(directory, "special"));
    for (const device of ["null", "disk"]) {
      const isDevice =
        present.includes(device) &&
        (stat(`special/${device}`).isCharacterDevice() ||
          stat(`special/${device}`).isBlockDevice());
      expect(isDevice).toBe(false);
    }
  });

  it("hard links of files and of symbolic links", async () => {
    const { stat, mode, ids } = await layer("hardlinks", 1);
    const original = stat("links/original");
    expect(original.nlink).toBe(3n);
    expect(stat("links/second").ino).toBe(original.ino);
    expect(stat("links/deep/third").ino).toBe(original.ino);
    expect(mode("links/original")).toBe("604");
    expect(ids("links/original")).toEqual(owner(1000, 1000));
    expect(stat("links/link-name").isSymbolicLink()).toBe(true);
    expect(stat("links/link-name").ino).toBe(stat("links/link").ino);
  });

  it("hard links that a layer makes to a file of the layer below, as a file of its own", async () => {
    const { read, mode, ids, stat } = await layer("hardlinks", 2);
    expect(read("links/across").toString()).toBe("one\n");
    expect(stat("links/across").ino).toBe(stat("links/original").ino);
    expect(mode("links/across")).toBe("604");
    expect(ids("links/across")).toEqual(owner(1000, 1000));
  });

  it("old names of a file that the layer above replaces", async () => {
    const below = await layer("hardlinks", 1);
    const above = await layer("hardlinks", 3);
    expect(above.read("links/original").toString()).toBe("two\n");
    expect(below.read("links/second").toString()).toBe("one\n");
  });

  it("names that are no UTF-8, byte for byte", async () => {
    const { read, at, stat } = await layer("non-utf8", 1);
    const sorted = (list: readonly Buffer[]) => list.map((name) => name.toString("hex")).sort();
    const found = readdirSync(at("names"), { encoding: "buffer" });
    expect(sorted(found)).toEqual(sorted(names));
    for (const [index, name] of names.entries()) {
      const path = Buffer.concat([Buffer.from("names/"), name]);
      expect(read(path)).toEqual(name);
      const target = readlinkSync(at(`links/${index}`), { encoding: "buffer" });
      expect(target).toEqual(Buffer.concat([Buffer.from("../"), path]));
      expect(stat(`hard/${index}`).ino).toBe(stat(path).ino);
    }
  });
});

describe("whiteouts become what overlay understands", () => {
  const isWhiteout = (status: BigIntStats) => status.isCharacterDevice() && status.rdev === 0n;

  it.each([
    "data/deleted-file",
    "data/deleted-dir",
    "data/deleted-link",
    "data/recreated-later",
    "data/recreated-dir",
  ])("%s: a character device 0:0", async (path) => {
    const { stat } = await layer("whiteouts", 2);
    expect(isWhiteout(stat(path))).toBe(true);
  });

  it("no file named .wh. is left", async () => {
    const { directory } = await layer("whiteouts", 2);
    const all = readdirSync(directory, { recursive: true }) as string[];
    expect(all.filter((path) => path.includes(".wh."))).toEqual([]);
  });

  it("an opaque directory has user.overlay.opaque, wherever its marker stood", async () => {
    const { xattrs, directory } = await layer("whiteouts", 2);
    for (const path of ["data/opaque", "data/opaque-last"]) {
      expect(xattrs(path)["user.overlay.opaque"]?.toString()).toBe("y");
      expect(readdirSync(join(directory, path))).toEqual(["new"]);
    }
    expect(xattrs("data")["user.overlay.opaque"]).toBeUndefined();
  });

  it("a whiteout does not hide what its own layer brings", async () => {
    const { read, xattrs, directory } = await layer("whiteouts", 2);
    expect(read("data/replaced").toString()).toBe("new\n");
    expect(readdirSync(join(directory, "data/replaced-dir"))).toEqual(["new"]);
    // The old directory's files must not shine through the new one.
    expect(xattrs("data/replaced-dir")["user.overlay.opaque"]?.toString()).toBe("y");
  });

  it("a file replaces a directory and the other way round", async () => {
    const { stat } = await layer("whiteouts", 2);
    expect(stat("data/dir-to-file").isFile()).toBe(true);
    expect(stat("data/file-to-dir").isDirectory()).toBe(true);
    expect(stat("data/dir-to-link").isSymbolicLink()).toBe(true);
  });
});
