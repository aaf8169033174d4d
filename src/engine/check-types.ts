/** How `check` goes about it. */
export interface CheckOptions {
  /** Remove what is damaged or left over, or make it anew. */
  readonly repair?: boolean | undefined;
  /** With `repair`: remove containers too that use a damaged image. */
  readonly force?: boolean | undefined;
  /** Leave out what reads whole files: digests of blobs, files of unpacked layers. */
  readonly quick?: boolean | undefined;
  /** Milliseconds that content which no image needs, or a download, may wait; missing: a day. */
  readonly maxAge?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Something that `check` has found to be wrong. */
export interface CheckFinding {
  readonly kind:
    | "database"
    | "container"
    | "image"
    | "blob"
    | "layer"
    | "volume"
    | "run directory"
    | "lock"
    | "left over";
  /** A name, digest or path. */
  readonly subject: string;
  /** What is wrong with it. */
  readonly problem: string;
  /** With `repair`: what was done about it. */
  readonly repair?: string | undefined;
  /** With `repair`: why nothing was done about it. */
  readonly obstacle?: string | undefined;
}
