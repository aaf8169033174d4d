import { TsmanError } from "../../errors/index.ts";

/** image-spec/layer.md, "Whiteouts": a file of this prefix says that the rest of its name is gone. */
const whiteoutPrefix = ".wh.";
/** image-spec/layer.md, "Opaque Whiteout". */
const opaqueName = ".wh..wh..opq";
/** AUFS's own book-keeping (`.wh..wh.plnk`, `.wh..wh.aufs`, …) in layers of very old Dockers. */
const metadataPrefix = ".wh..wh.";

/** What the name of an entry means. */
export type NameMeaning =
  | { readonly kind: "plain" }
  /** The directory that holds it hides what lower layers have there. */
  | { readonly kind: "opaque" }
  /** `name` of lower layers is gone. */
  | { readonly kind: "whiteout"; readonly name: string }
  /** Nothing that belongs to a file system. */
  | { readonly kind: "metadata" };

const plain: NameMeaning = { kind: "plain" };

/**
 * Reads a path as image-spec/layer.md, "Representing Changes", has it (security case S41).
 *
 * @throws TsmanError LAYER_INVALID for a whiteout of nothing, of `.` or of `..`, and for a
 * directory with a whiteout's name
 */
export function nameMeaning(components: readonly string[]): NameMeaning {
  const last = components.length - 1;
  for (let index = 0; index <= last; index++) {
    const component = components[index] ?? "";
    if (!component.startsWith(whiteoutPrefix)) continue;
    if (component === opaqueName && index === last) return { kind: "opaque" };
    if (component.startsWith(metadataPrefix)) return { kind: "metadata" };
    if (index < last) {
      throw new TsmanError("LAYER_INVALID", "a whiteout is used as a directory");
    }
    const name = component.slice(whiteoutPrefix.length);
    if (name === "") throw new TsmanError("LAYER_INVALID", "whiteout of an empty name");
    if (name === "." || name === "..") {
      throw new TsmanError("LAYER_INVALID", `whiteout of ${name}`);
    }
    return { kind: "whiteout", name };
  }
  return plain;
}
