import { TsmanError } from "../../errors/index.ts";
import { displayName } from "./entry-name.ts";

/** NAME_MAX and PATH_MAX of linux/limits.h. */
const nameMax = 255;
const pathMax = 4096;

/**
 * The components of a name in an archive, relative to the layer's root; none for the root itself
 * (`.`, `./`, `/`).
 *
 * A leading `/` is the layer's root, as everywhere; empty components and `.` mean nothing; `..` is
 * refused even where it would stay inside: no honest tool writes it.  The chroot contains all of
 * this anyway; the check is here so that a hostile archive is named and not reinterpreted.
 *
 * @param what for the message: "name" or "link target"
 * @throws TsmanError LAYER_INVALID, or LAYER_LIMIT for too many components
 */
export function parseEntryPath(name: string, what: string, maxDepth: number): string[] {
  if (name === "") throw new TsmanError("LAYER_INVALID", `${what} is empty`);
  if (name.includes("\0")) throw new TsmanError("LAYER_INVALID", `${what} holds a NUL byte`);
  if (name.length >= pathMax) {
    throw new TsmanError("LAYER_INVALID", `${what} is longer than ${pathMax - 1} bytes`);
  }
  const components: string[] = [];
  for (const component of name.split("/")) {
    if (component === "" || component === ".") continue;
    if (component === "..") {
      throw new TsmanError("LAYER_INVALID", `${what} ${displayName(name)} escapes the rootfs`);
    }
    if (component.length > nameMax) {
      throw new TsmanError(
        "LAYER_INVALID",
        `${what} has a component of more than ${nameMax} bytes`,
      );
    }
    components.push(component);
  }
  if (components.length > maxDepth) {
    throw new TsmanError(
      "LAYER_LIMIT",
      `${what} has ${components.length} components, more than the limit ${maxDepth}`,
      { details: { limit: "maxDepth", value: maxDepth } },
    );
  }
  return components;
}
