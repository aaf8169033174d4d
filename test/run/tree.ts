import { constants, existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { asUser } from "./as-user.ts";
import { runToEnd } from "./child.ts";
import type { OrdinaryUser } from "./ordinary-user.ts";

/** The checkout that this file belongs to. */
export const root = join(import.meta.dirname, "../..");

/** What the tests need of a checkout. */
const needed = [
  "bin",
  "dist",
  "images",
  "native",
  "node_modules",
  "package.json",
  "package-lock.json",
  "README.md",
  "src",
  "test",
  "tsconfig.json",
  "vitest.config.ts",
  ".dependency-cruiser.cjs",
];

/**
 * A tree that `user` can read: the checkout itself, or, where that is closed to others (a checkout
 * below /root), a copy below `work`.
 */
export async function readableTree(work: string, user: OrdinaryUser | undefined): Promise<string> {
  if (user === undefined) return root;
  const { file, args } = asUser(user, "/bin/sh", [
    "-c",
    'cd "$1" && test -r package.json && test -r test/run.ts && test -x bin/tsman && bin/node -e 0',
    "sh",
    root,
  ]);
  const isReadable = await runToEnd(file, args, {
    cwd: "/",
    env: { PATH: process.env.PATH },
    signal: new AbortController().signal,
  });
  if (isReadable === 0) return root;
  console.log(`${root} is closed to ordinary users: testing a copy`);
  const copy = join(work, "tree");
  await mkdir(copy, { mode: 0o755 });
  for (const name of needed) {
    if (!existsSync(join(root, name))) continue;
    await cp(join(root, name), join(copy, name), {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
      mode: constants.COPYFILE_FICLONE,
    });
  }
  const signal = new AbortController().signal;
  await runToEnd("chmod", ["-R", "a+rX", copy], { cwd: "/", signal });
  return copy;
}
