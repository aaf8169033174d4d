import type { EngineContext } from "./context.ts";

const settingName = "unused-root";

/** Says, once for each store, that it is not where one would look for it, and why. */
export function tellMovedStore(
  { store }: Pick<EngineContext, "store">,
  unusedRoot: string,
  onWarning: ((message: string) => void) | undefined,
): void {
  if (onWarning === undefined || store.settings.get(settingName) === unusedRoot) return;
  onWarning(
    `${unusedRoot} is on a network file system, where containers cannot have their files: ` +
      `images and containers are in ${store.root} (to choose another place: TSMAN_ROOT)`,
  );
  try {
    store.settings.set(settingName, unusedRoot);
  } catch {
    // A store that cannot be written: it is said once more.
  }
}
