import type { EngineContext } from "../context.ts";

/** Ids of the containers that use a volume, running or not, by its name. */
export function volumeUsers({ store }: EngineContext): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>();
  for (const { id, options, anonymousVolumes } of store.containers.list()) {
    const named = options.mounts.flatMap((mount) =>
      mount.type === "volume" && mount.name !== undefined ? [mount.name] : [],
    );
    for (const name of new Set([...named, ...anonymousVolumes])) {
      const known = users.get(name);
      if (known === undefined) users.set(name, [id]);
      else known.push(id);
    }
  }
  return users;
}
