import { closeSync, constants, openSync } from "node:fs";
import { readFileInRoot } from "../../platform/open-in-root.ts";
import type { ImageRecord } from "../../store/images.ts";
import { type EngineContext, mappingFor } from "../context.ts";

/** Ids that `--userns=auto` takes at least, and the most for which an image may ask: Podman's. */
const leastIds = 1024;
const mostIds = 65_536;
/** Whom every image knows by a large number, and nobody is. */
const nobody = 65_534;
/** Larger files are looked at by nobody. */
const maxFileBytes = 4 * 1024 * 1024;

/**
 * How many ids an automatic mapping needs: those of the image's users and groups, and the user that
 * the container will be, if that is a number.
 *
 * @param user as it was asked for, or as the image says
 */
export function automaticSize(
  context: EngineContext,
  image: ImageRecord | undefined,
  user: string,
): number {
  const asked = user
    .split(":")
    .filter((id) => /^\d{1,9}$/.test(id))
    .map(Number);
  let highest = Math.max(leastIds - 1, ...asked);
  for (const file of ["etc/passwd", "etc/group"]) {
    const text = image === undefined ? "" : (readOfImage(context, image, file) ?? "");
    for (const line of text.split("\n")) highest = Math.max(highest, ...idsOfLine(line));
  }
  return highest + 1;
}

/** passwd(5), group(5): the numbers are the third and, of users, the fourth field. */
function idsOfLine(line: string): number[] {
  const [name, , ...numbers] = line.split(":", 4);
  if (name === "nobody") return [];
  return numbers
    .filter((id) => /^\d{1,9}$/.test(id))
    .map(Number)
    .filter((id) => id < mostIds && id !== nobody);
}

/** A file of the uppermost layer that has it, as far as the image is unpacked for the usual ids. */
function readOfImage(
  context: EngineContext,
  { layers }: ImageRecord,
  file: string,
): string | undefined {
  const { key } = mappingFor(context, { mode: "default" });
  for (const { chainId } of layers.toReversed()) {
    if (!context.store.layers.has(key, chainId)) continue;
    const bytes = readBelow(context.store.layers.diffPath(key, chainId), file);
    if (bytes !== undefined) return bytes.toString("latin1");
  }
  return undefined;
}

/** The image says where its names lead: no link of it leads out of the layer. */
function readBelow(directory: string, file: string): Buffer | undefined {
  let root: number | undefined;
  try {
    root = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    return readFileInRoot(root, file, maxFileBytes);
  } catch {
    // Closed to the caller by the image: then it has the least.
    return undefined;
  } finally {
    if (root !== undefined) closeSync(root);
  }
}
