import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * An opaque whiteout at the very root of a layer hides all layers below.  Overlayfs looks at no
 * such mark on the root of a lower directory, so the layers below are left out of the mount.
 */
const markName = "opaque-root";

/** Notes beside a layer's directory (`…/diff`) that it hides what is below. */
export function markOpaqueRoot(diffDir: string): void {
  writeFileSync(path.join(path.dirname(diffDir), markName), "", { mode: 0o600 });
}

/** Those directories of layers, the topmost first, that none above hides altogether. */
export function visibleLayers(topDown: readonly string[]): string[] {
  const lowest = topDown.findIndex(hasOpaqueRoot);
  return topDown.slice(0, lowest < 0 ? topDown.length : lowest + 1);
}

/** Whether a layer hides what is below it. */
export function hasOpaqueRoot(diffDir: string): boolean {
  return existsSync(path.join(path.dirname(diffDir), markName));
}
