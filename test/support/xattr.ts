import koffi from "koffi";

const libc = koffi.load("libc.so.6");
const llistxattr = libc.func("intptr_t llistxattr(const void *path, void *list, size_t size)");
const lgetxattr = libc.func(
  "intptr_t lgetxattr(const void *path, const char *name, void *value, size_t size)",
);

/** Extended attributes of a file itself, not of what a link leads to: xattr(7). */
export function xattrsOf(path: string | Uint8Array): Record<string, Buffer> {
  const terminated = Buffer.concat([Buffer.from(path), Buffer.alloc(1)]);
  const list = Buffer.alloc(65_536);
  const length = Number(llistxattr(terminated, list, list.length));
  if (length < 0) throw new Error(`list extended attributes of ${path}: ${koffi.errno()}`);
  const names = list.subarray(0, length).toString("utf8").split("\0").filter(Boolean);
  return Object.fromEntries(
    names.sort().map((name) => {
      const value = Buffer.alloc(65_536);
      const size = Number(lgetxattr(terminated, name, value, value.length));
      if (size < 0) throw new Error(`read ${name} of ${path}: ${koffi.errno()}`);
      return [name, Buffer.from(value.subarray(0, size))];
    }),
  );
}
