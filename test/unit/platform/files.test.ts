import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readSmallFile, writeFileAtomic } from "../../../src/platform/atomic-file.ts";
import {
  filesystemType,
  isNetworkFilesystem,
  isNetworkType,
  mountedType,
  typeName,
} from "../../../src/platform/filesystem-type.ts";
import { flock, mknod } from "../../../src/platform/libc/files.ts";
import { utimensat } from "../../../src/platform/libc/times.ts";
import {
  lgetxattr,
  llistxattr,
  lremovexattr,
  lsetxattr,
} from "../../../src/platform/libc/xattrs.ts";

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "tsman-files-"));
  file = path.join(directory, "file");
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("a file written atomically", () => {
  it("replaces the old one whole, with its own mode", () => {
    writeFileSync(file, "old");
    chmodSync(file, 0o777);
    writeFileAtomic(file, "new", { sync: true, mode: 0o640 });
    expect(readFileSync(file, "utf8")).toBe("new");
    expect(statSync(file).mode & 0o7777).toBe(0o640);
    expect(readdirSync(directory)).toEqual(["file"]);
  });

  it("replaces a symbolic link, not what that leads to", () => {
    const victim = path.join(directory, "victim");
    writeFileSync(victim, "safe");
    symlinkSync(victim, file);
    writeFileAtomic(file, "new");
    expect(readFileSync(victim, "utf8")).toBe("safe");
    expect(readFileSync(file, "utf8")).toBe("new");
  });

  it("leaves nothing behind when it cannot take its place", () => {
    mkdirSync(path.join(file, "x"), { recursive: true });
    expect(() => writeFileAtomic(file, "new")).toThrow(/EISDIR|ENOTEMPTY/);
    expect(readdirSync(directory)).toEqual(["file"]);
  });
});

describe("a small file", () => {
  it("is read up to its limit, and not beyond", () => {
    writeFileSync(file, "12345");
    expect(readSmallFile(file, 5).toString()).toBe("12345");
    expect(() => readSmallFile(file, 4)).toThrow(/larger than 4 bytes/);
  });

  it("may be one of /proc, whose size is said to be 0", () => {
    expect(readSmallFile("/proc/self/status", 100_000).toString()).toMatch(/^Name:/);
    expect(() => readSmallFile("/proc/self/status", 100)).toThrow(/larger than/);
  });

  it("larger than one read is read to its end", () => {
    const large = Buffer.alloc(50_000, "y");
    writeFileSync(file, large);
    expect(readSmallFile(file, 1_000_000).equals(large)).toBe(true);
  });

  it("is never a fifo, which would make the reader wait, nor a device", () => {
    spawnSync("mkfifo", [file]);
    expect(() => readSmallFile(file, 10)).toThrow(/not a regular file/);
    expect(() => readSmallFile("/dev/zero", 10)).toThrow(/not a regular file/);
  });
});

describe("libc", () => {
  it("makes a fifo with a name of any bytes", () => {
    const name = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xfe])]);
    mknod(name, 0o010644);
    expect(statSync(name).isFIFO()).toBe(true);
  });

  it("sets times to the nanosecond, before 1970 too, and of a link itself", () => {
    writeFileSync(file, "");
    const link = path.join(directory, "link");
    symlinkSync("nowhere", link);
    utimensat(Buffer.from(file), { sec: 5, nsec: 123_456_789 }, { sec: -2, nsec: 1 });
    utimensat(Buffer.from(link), { sec: 1, nsec: 0 }, { sec: 8_589_934_592n, nsec: 5 });
    const stat = statSync(file, { bigint: true });
    expect(stat.atimeNs).toBe(5_123_456_789n);
    expect(stat.mtimeNs).toBe(-1_999_999_999n);
  });

  it("sets, lists, gets and removes extended attributes", () => {
    writeFileSync(file, "");
    const name = Buffer.from(file);
    lsetxattr(name, "user.one", Buffer.from([0, 1, 2]));
    lsetxattr(name, "user.two", Buffer.alloc(0));
    expect(llistxattr(name).toSorted()).toEqual(["user.one", "user.two"]);
    expect(lgetxattr(name, "user.one")).toEqual(Buffer.from([0, 1, 2]));
    expect(lgetxattr(name, "user.two")).toEqual(Buffer.alloc(0));
    lremovexattr(name, "user.one");
    expect(lgetxattr(name, "user.one")).toBeUndefined();
  });

  it("says what failed on what, and why", () => {
    const missing = Buffer.from(path.join(directory, "missing"));
    expect(() => llistxattr(missing)).toThrow(
      expect.objectContaining({ code: "ENOENT", syscall: "llistxattr", path: String(missing) }),
    );
    expect(() => flock(9999, "exclusive")).toThrow(/flock descriptor 9999: .*EBADF/);
  });

  it("refuses a name with a NUL instead of cutting it off there", () => {
    writeFileSync(file, "");
    expect(() => mknod(Buffer.from(`${file}x\0y`), 0o010644)).toThrow(/EINVAL/);
    expect(readdirSync(directory)).toEqual(["file"]);
  });
});

describe("the type of a file system", () => {
  it("is known by name, and local ones are not network ones", () => {
    expect(filesystemType("/proc")).toBe("0x9fa0");
    expect(filesystemType("/dev/shm")).toBe("tmpfs");
    expect(isNetworkFilesystem("/dev/shm")).toBe(false);
  });

  it("of a path that does not exist yet is that of what is above it", () => {
    expect(isNetworkFilesystem("/no/such/directory")).toBe(false);
    expect(isNetworkFilesystem("/dev/shm/no/such/directory")).toBe(false);
  });

  it.each([
    [0x6969, "nfs"],
    [0xff534d42, "cifs"],
    [0xfe534d42, "smb2"],
    [0x01021997, "9p"],
    [0x0bd00bd0, "lustre"],
    [0x00c36400, "ceph"],
  ])("%i is %s, of the network", (magic, name) => {
    expect(typeName(magic, () => undefined)).toBe(name);
    expect(isNetworkType(name)).toBe(true);
  });

  it("of FUSE is that of the program behind it", () => {
    const fuse = 0x65735546;
    expect(typeName(fuse, () => undefined)).toBe("fuse");
    for (const [name, isNetwork] of [
      ["fuse.sshfs", true],
      ["fuse.glusterfs", true],
      ["fuse.fuse-overlayfs", false],
      ["fuseblk", false],
    ] as const) {
      expect([typeName(fuse, () => name), isNetworkType(name)]).toEqual([name, isNetwork]);
    }
    expect(typeName(0xef53, () => "fuse.sshfs")).toBe("ext4");
  });

  it("is found in mountinfo by device, whatever optional fields there are", () => {
    const mountinfo =
      "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n" +
      "40 22 0:51 / /home/ada rw,nosuid shared:9 master:2 - fuse.sshfs ada@far:/home rw\n" +
      "41 22 0:52 / /mnt rw - tmpfs tmpfs rw\n";
    expect(mountedType(mountinfo, "0:51")).toBe("fuse.sshfs");
    expect(mountedType(mountinfo, "0:52")).toBe("tmpfs");
    expect(mountedType(mountinfo, "0:99")).toBeUndefined();
  });
});
