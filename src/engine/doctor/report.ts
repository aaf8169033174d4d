/** How well one thing works on this host. */
export type CheckStatus = "ok" | "limited" | "broken";

/** One line of `tsman doctor`. */
export interface DoctorCheck {
  /** Stable name, for machines: `user-namespaces`. */
  readonly id: string;
  /** For people: `user namespaces`. */
  readonly title: string;
  readonly status: CheckStatus;
  /** What was found, with the value. */
  readonly found: string;
  /** What does not work because of it; missing when all does. */
  readonly consequence?: string | undefined;
  /** The exact thing to do; missing when there is nothing to do. */
  readonly remedy?: string | undefined;
  /** Whether `tsman run` itself cannot work because of it. */
  readonly isFatal: boolean;
}

/** The result of `tsman doctor`. */
export interface DoctorReport {
  /** False when `run` could not work. */
  readonly canRun: boolean;
  readonly checks: readonly DoctorCheck[];
}

/** All is well. */
export function ok(id: string, title: string, found: string): DoctorCheck {
  return { id, title, status: "ok", found, isFatal: false };
}

/** What a check says when not all is well. */
export interface Finding {
  readonly found: string;
  readonly consequence: string;
  readonly remedy: string;
}

/** It works, with a limit. */
export function limited(id: string, title: string, finding: Finding): DoctorCheck {
  return { id, title, status: "limited", ...finding, isFatal: false };
}

/** It does not work; `isFatal` if `run` cannot work at all then. */
export function broken(id: string, title: string, finding: Finding, isFatal: boolean): DoctorCheck {
  return { id, title, status: "broken", ...finding, isFatal };
}
