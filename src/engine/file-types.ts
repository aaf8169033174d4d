// What `containers` does with files: shapes that the engine takes and hands out, as in types.ts.

/** What all of these take. */
interface FileIo {
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** How a container is exported. */
export interface ExportOptions extends FileIo {
  /** Where the archive is written; stays open. */
  readonly descriptor: number;
}

/** A path of the caller's or of a container's, as bytes: names need not be UTF-8. */
export type CopyEnd =
  | { readonly kind: "host"; readonly path: Uint8Array }
  | { readonly kind: "container"; readonly container: string; readonly path: Uint8Array }
  /** An archive from or to a descriptor, which stays open. */
  | { readonly kind: "archive"; readonly descriptor: number };

/** How files are copied. */
export interface CopyOptions extends FileIo {
  /**
   * Files become those of the container's user, or of the caller; else, in a container, they keep
   * the owners that they have.  Missing: true.
   */
  readonly archive?: boolean | undefined;
  /** A directory may replace something else and the other way round. */
  readonly overwrite?: boolean | undefined;
}

/** What is compared. */
export interface DiffOptions {
  readonly signal?: AbortSignal | undefined;
  /** Another container or image; missing: a container's image, or the layers below an image's. */
  readonly against?: string | undefined;
  /** What names may stand for; missing: "all", containers first. */
  readonly kind?: "all" | "container" | "image" | undefined;
}

/** One difference between two sets of files. */
export interface FileChange {
  readonly kind: "added" | "changed" | "deleted";
  /** Absolute, as bytes. */
  readonly path: Uint8Array;
}

/** How an image is made of a container. */
export interface CommitOptions extends FileIo {
  /** Missing: none, only an id. */
  readonly image?: string | undefined;
  readonly author?: string | undefined;
  readonly message?: string | undefined;
  /** Instructions of a Containerfile: `CMD ["sh"]`, `ENV A=b`, also `CMD=sh`. */
  readonly changes?: readonly string[] | undefined;
  /** Missing: "oci". */
  readonly format?: "oci" | "docker" | undefined;
  /** Named volumes and bound directories become volumes of the image: their places, not their files. */
  readonly includeVolumes?: boolean | undefined;
  /** One layer instead of the image's and one more. */
  readonly squash?: boolean | undefined;
}

/** A mounted root file system of a container. */
export interface ContainerMountPoint {
  readonly id: string;
  readonly name: string;
  readonly path: string;
}

/** A namespace that processes of containers are in. */
export interface NamespaceDetails {
  /** "user", "mnt", "pid" … as in /proc/PID/ns. */
  readonly type: string;
  readonly inode: number;
  /** The user namespace that owns it; of a user namespace: its parent.  Missing: out of sight. */
  readonly owner?: number | undefined;
  /** Of a user or pid namespace. */
  readonly parent?: number | undefined;
  /** Uid of who made a user namespace. */
  readonly creator?: number | undefined;
  /** Of a user namespace, lines of uid_map and gid_map. */
  readonly uidMap?: readonly string[] | undefined;
  readonly gidMap?: readonly string[] | undefined;
  /** It is the caller's own: not isolated. */
  readonly isHost: boolean;
  /** Names of the containers whose processes are in it. */
  readonly containers: readonly string[];
  readonly processes: readonly { readonly pid: number; readonly command: string }[];
}

/** The part of `ContainerService` that concerns files and namespaces. */
export interface ContainerFileService {
  /** @throws TsmanError CONTAINER_NOT_FOUND */
  export(nameOrId: string, options: ExportOptions): Promise<void>;
  /**
   * Of a container or an image.  Sorted by path.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND, IMAGE_NOT_FOUND
   */
  diff(nameOrId: string, options?: DiffOptions): Promise<readonly FileChange[]>;
  /**
   * Copies a file or directory by the rules of `podman cp`.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND, USAGE
   */
  copy(from: CopyEnd, to: CopyEnd, options?: CopyOptions): Promise<void>;
  /** @returns the id of the image. @throws TsmanError CONTAINER_NOT_FOUND, USAGE */
  commit(nameOrId: string, options?: CommitOptions): Promise<{ readonly id: string }>;
  /**
   * Mounts the root file system in the mount namespace of this process, which must be one of
   * `tsman unshare`.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND, OPTION_UNSUPPORTED elsewhere
   */
  mount(nameOrId: string): Promise<ContainerMountPoint>;
  /** @returns whether it was mounted. */
  unmount(nameOrId: string, options?: { readonly force?: boolean | undefined }): Promise<boolean>;
  listMounts(): Promise<readonly ContainerMountPoint[]>;
  /** Of these containers, or of all that run. */
  namespaces(namesOrIds: readonly string[]): Promise<readonly NamespaceDetails[]>;
}
