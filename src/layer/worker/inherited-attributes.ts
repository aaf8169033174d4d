import { lstatSync } from "node:fs";
import { lgetxattr, llistxattr } from "../../platform/libc/xattrs.ts";
import { fsPath } from "./entry-name.ts";
import { type FileAttributes, type Losses, writeDirectoryAttributes } from "./file-attributes.ts";
import { isKeptXattr, opaqueXattr, trueOwnerXattr } from "./xattr-policy.ts";

/*
 * A directory that an archive only implies, by a name below it, is one that a lower layer has: an
 * overlay shows the attributes of the uppermost layer in which a directory is, so they have to be
 * copied up.  containerd does the same (its archive package, "WithParents").
 *
 * Layers are looked at one at a time, each as the root of the process.  In a path only real
 * directories are passed: what a link leads to is not what the overlay merges.
 */

/** What a layer has under the name of a directory. */
type Sight =
  | { readonly kind: "directory"; readonly attributes: FileAttributes }
  /** The layers below may have it. */
  | { readonly kind: "nothing" }
  /** Something that hides what the layers below have. */
  | { readonly kind: "hidden" };

const root = "";

/** Attributes of directories, as far as layers that one looks into have them. */
export class InheritedAttributes {
  readonly #open: Set<string>;
  readonly #found = new Map<string, FileAttributes>();

  /** @param implied absolute byte strings, "" for the root. */
  constructor(implied: readonly string[]) {
    this.#open = new Set(implied);
  }

  /** Looks into the next lower layer, which is the process's root. */
  look(): void {
    for (const path of this.#open) {
      const sight = see(path);
      if (sight.kind === "nothing") continue;
      this.#open.delete(path);
      if (sight.kind === "directory") this.#found.set(path, sight.attributes);
    }
  }

  /** Writes what was found to the layer that is the process's root; returns to how many. */
  write(losses: Losses): number {
    for (const [path, attributes] of this.#found) {
      writeDirectoryAttributes(`${path}/`, attributes, losses);
    }
    return this.#found.size;
  }
}

function see(path: string): Sight {
  let isOpaque = false;
  let at = root;
  for (const name of path.split("/").slice(1)) {
    at += `/${name}`;
    const status = lstatSync(fsPath(at), { throwIfNoEntry: false });
    if (status === undefined) return { kind: isOpaque ? "hidden" : "nothing" };
    if (!status.isDirectory()) return { kind: "hidden" };
    isOpaque ||= lgetxattr(bytes(at), opaqueXattr) !== undefined;
  }
  return { kind: "directory", attributes: attributesOf(at) };
}

function attributesOf(path: string): FileAttributes {
  const status = lstatSync(fsPath(`${path}/`), { bigint: true });
  const xattrs = new Map<string, Buffer>();
  let lost: string | undefined;
  for (const name of llistxattr(bytes(`${path}/`))) {
    const value = lgetxattr(bytes(`${path}/`), name);
    if (value === undefined) continue;
    if (name === trueOwnerXattr) lost = value.toString("latin1");
    else if (isKeptXattr(name)) xattrs.set(name, value);
  }
  return {
    owner: {
      uid: Number(status.uid),
      gid: Number(status.gid),
      mode: Number(status.mode & 0o7777n),
      lost,
    },
    // Rounded down, as the nanoseconds count from there.
    mtime: {
      sec: Number((status.mtimeNs - modulo(status.mtimeNs)) / second),
      nsec: Number(modulo(status.mtimeNs)),
    },
    xattrs: xattrs.size === 0 ? undefined : xattrs,
  };
}

const second = 1_000_000_000n;

function modulo(nanoseconds: bigint): bigint {
  return ((nanoseconds % second) + second) % second;
}

function bytes(path: string): Buffer {
  return Buffer.from(path, "latin1");
}
