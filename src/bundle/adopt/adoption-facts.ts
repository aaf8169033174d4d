import type { MapEntry, MappingFacts } from "../bundle.ts";

/** What the compilation of somebody else's config.json depends on besides it. */
export interface AdoptionFacts {
  /** Absolute path of the bundle's directory. */
  readonly bundleDir: string;
  /** Whether this host has the unified control group hierarchy. */
  readonly isUnified: boolean;
  /** Whether this process may make device nodes, and the container's are the host's own then. */
  readonly canMakeNodes: boolean;
  /** Capabilities that this process can give in its own user namespace. */
  readonly grantable: readonly string[];
  /** Whether it may make namespaces in that one: it has CAP_SYS_ADMIN. */
  readonly canMakeNamespaces: boolean;
  /** The setuid programs that write id maps; missing: they are written directly. */
  readonly mapTools?: MappingFacts["tools"];
  /** Whether an ordinary user maps nothing but its own id. */
  readonly mapsItself: boolean;
  /** Active security modules. */
  readonly securityModules: readonly string[];
  /** A device node of the host; undefined: it is none. */
  readonly nodeAt: (path: string) => HostNode | undefined;
  /** The maps of a user namespace, as this process sees them; undefined: nobody can tell. */
  readonly mapsOf: (path: string) => JoinedMaps | undefined;
}

/** stat(2) of a device. */
export interface HostNode {
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** user_namespaces(7) */
export interface JoinedMaps {
  readonly uid: readonly MapEntry[];
  readonly gid: readonly MapEntry[];
}
