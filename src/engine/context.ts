import { findConfigFiles } from "../config/config-files.ts";
import { loadShortNames } from "../config/load-short-names.ts";
import type { TsmanPaths } from "../config/paths.ts";
import type { Settings } from "../config/settings.ts";
import type { UsernsRequest } from "../container/options.ts";
import type { ShortNameRules } from "../oci/short-names.ts";
import { type HostIds, readHostIds } from "../rootless/host-ids.ts";
import { type IdMapping, resolveIdMapping, type TakenIds } from "../rootless/id-mapping.ts";
import type { EventFile } from "../store/events.ts";
import type { Store } from "../store/store.ts";

/** What every use case works on; made once by `Tsman.open`, never a process global. */
export interface EngineContext {
  readonly paths: TsmanPaths;
  readonly store: Store;
  /** Where to tell what was done. */
  readonly events: Pick<EventFile, "path" | "emit">;
  /** The caller's ids and what the host grants; read once. */
  readonly host: () => HostIds;
  /** The configuration; read once, when it is first asked for. */
  readonly settings: () => Promise<Settings>;
  /** The part of it that a command needs whose image is here: cheap. */
  readonly shortNames: () => Promise<ShortNameRules>;
}

/** A context over an open store. */
export function createContext(paths: TsmanPaths, store: Store): EngineContext {
  let host: HostIds | undefined;
  let settings: Promise<Settings> | undefined;
  let shortNames: Promise<ShortNameRules> | undefined;
  return {
    paths,
    store,
    events: store.events,
    host: () => {
      host ??= readHostIds();
      return host;
    },
    settings: () => {
      settings ??= import("../config/settings.ts").then(({ readSettings }) =>
        readSettings(findConfigFiles(paths.configDir)),
      );
      return settings;
    },
    shortNames: () => {
      shortNames ??= loadShortNames(paths);
      return shortNames;
    },
  };
}

/** The id mapping of a container with this `--userns`. */
export function mappingFor(context: EngineContext, request: UsernsRequest): IdMapping {
  const taken = request.mode === "auto" ? automaticIds(context) : undefined;
  return resolveIdMapping(request, context.host(), taken);
}

/** Host ids of the containers with `--userns=auto`. */
export function automaticIds({ store }: EngineContext): TakenIds {
  const mappings = store.containers
    .list()
    .filter(({ options }) => options.userns.mode === "auto")
    .map(({ mapping }) => mapping);
  const taken = (kind: "uid" | "gid") =>
    mappings.flatMap((mapping) =>
      mapping[kind].map(({ outside, count }) => ({ start: outside, count })),
    );
  return { uid: taken("uid"), gid: taken("gid") };
}
