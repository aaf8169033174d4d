import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import {
  dir,
  file,
  hostFile,
  type Image,
  type Layer,
  type Platform,
  type ProcessConfig,
  symlink,
} from "./recipe.ts";
import type { TarEntry } from "./tar.ts";

const candidates = ["/bin/busybox", "/usr/bin/busybox"];
const remedy = "install it with: apt-get install busybox-static";

/** elf(5): e_machine → GOARCH, as image-spec names architectures. */
const machines: Readonly<Record<number, string>> = { 62: "amd64", 183: "arm64" };

/** Path and architecture of this host's statically linked busybox. */
function findBusybox(): { path: string; architecture: string } {
  const reasons: string[] = [];
  for (const path of candidates) {
    let header: Buffer;
    try {
      header = readStart(path);
    } catch {
      reasons.push(`${path}: not there`);
      continue;
    }
    const architecture = machines[header.readUInt16LE(18)];
    if (architecture === undefined) reasons.push(`${path}: unknown architecture`);
    else if (hasInterpreter(header)) reasons.push(`${path}: dynamically linked`);
    else return { path, architecture };
  }
  throw new Error(`find a static busybox: ${reasons.join("; ")}: ${remedy}`);
}

let found: ReturnType<typeof findBusybox> | undefined;
function busybox() {
  found ??= findBusybox();
  return found;
}

/** The platform that this host's busybox runs on. */
export function hostPlatform(): Platform {
  return { os: "linux", architecture: busybox().architecture };
}

/** What the images of all recipes have in their environment. */
export const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A shell, and a PATH on which it finds its tools. */
export const busyboxConfig: ProcessConfig = { Env: [defaultPath], Cmd: ["sh"] };

let layer: Layer | undefined;

/**
 * The layer that makes an image usable: busybox with a link for each of its applets, accounts and
 * the directories of a root file system.  Always the same object, so that images share it.
 */
export function busyboxLayer(): Layer {
  layer ??= { entries: [...entries()] };
  return layer;
}

function* entries(): Generator<TarEntry> {
  const { path } = busybox();
  yield dir("bin");
  yield hostFile("bin/busybox", path);
  yield dir("dev");
  yield dir("etc");
  yield file(
    "etc/group",
    lines(
      "root:x:0:",
      "daemon:x:1:",
      "tty:x:5:",
      "mail:x:8:",
      "www-data:x:33:",
      "nogroup:x:65534:",
    ),
  );
  // glibc is linked in statically; without this file it would look for hosts by dns first.
  yield file("etc/nsswitch.conf", lines("passwd: files", "group: files", "hosts: files dns"));
  yield file("etc/os-release", lines("ID=busybox", "NAME=BusyBox", "PRETTY_NAME=BusyBox"));
  yield file(
    "etc/passwd",
    lines(
      "root:x:0:0:root:/root:/bin/sh",
      "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
      "www-data:x:33:33:www-data:/var/www:/bin/false",
      "nobody:x:65534:65534:nobody:/nonexistent:/bin/false",
    ),
  );
  yield file(
    "etc/shadow",
    lines("root:*:::::::", "daemon:*:::::::", "www-data:*:::::::", "nobody:*:::::::"),
    { mode: 0o640 },
  );
  yield dir("home");
  yield dir("mnt");
  yield dir("proc", { mode: 0o555 });
  yield dir("root", { mode: 0o700 });
  yield dir("run");
  yield dir("sbin");
  yield dir("sys", { mode: 0o555 });
  yield dir("tmp", { mode: 0o1777 });
  yield dir("usr");
  yield dir("usr/bin");
  yield dir("usr/sbin");
  yield dir("var");
  yield dir("var/tmp", { mode: 0o1777 });
  const listed = execFileSync(path, ["--list-full"], { encoding: "utf8", env: {} });
  const applets = listed.split("\n").filter((name) => /^(usr\/)?s?bin\/[^/]+$/.test(name));
  for (const applet of applets.sort((a, b) => (a < b ? -1 : 1))) {
    if (applet === "bin/busybox") continue;
    const up = "../".repeat(applet.split("/").length - 1);
    yield symlink(applet, applet.startsWith("bin/") ? "busybox" : `${up}bin/busybox`);
  }
}

function lines(...all: string[]): string {
  return `${all.join("\n")}\n`;
}

function readStart(path: string): Buffer {
  const descriptor = openSync(path, "r");
  try {
    const start = Buffer.alloc(4096);
    readSync(descriptor, start, 0, start.length, 0);
    return start;
  } finally {
    closeSync(descriptor);
  }
}

/** elf(5): whether a 64 bit little endian program asks for a dynamic linker (PT_INTERP). */
function hasInterpreter(header: Buffer): boolean {
  const table = Number(header.readBigUInt64LE(32));
  const entrySize = header.readUInt16LE(54);
  const count = header.readUInt16LE(56);
  for (let index = 0; index < count; index += 1) {
    if (header.readUInt32LE(table + index * entrySize) === 3) return true;
  }
  return false;
}

/** An image that runs: busybox, then these layers. */
export function onBusybox(layers: readonly Layer[], config: ProcessConfig = {}): Image {
  return { layers: [busyboxLayer(), ...layers], config: { ...busyboxConfig, ...config } };
}
