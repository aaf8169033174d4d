import type { ContainerEventStatus, ImageEventStatus, VolumeEventStatus } from "../store/events.ts";

/** Which log lines, see `tsman logs`. */
export interface ContainerLogOptions {
  readonly follow?: boolean | undefined;
  /** The last n lines; missing: all. */
  readonly tail?: number | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One line of a container's output. */
export interface ContainerLogLine {
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** The program's line goes on in the next one. */
  readonly isPartial: boolean;
  /** Without the newline. */
  readonly text: Uint8Array;
}

/** What `containers.wait` waits for; "stopped" and "exited" are its end, and one. */
export type WaitCondition =
  | "configured"
  | "initialized"
  | "created"
  | "running"
  | "paused"
  | "stopped"
  | "exited"
  | "unknown"
  | "removing"
  | "healthy"
  | "unhealthy";

/** How `containers.wait` waits. */
export interface WaitOptions {
  /** Any of them will do; missing or empty: its end. */
  readonly conditions?: readonly WaitCondition[] | undefined;
  /** Milliseconds between two looks, where nothing tells of a change; missing: 250. */
  readonly interval?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Something that happened to a container, image or volume. */
export interface TsmanEvent {
  /** RFC 3339 with nanoseconds, UTC. */
  readonly time: string;
  readonly type: "container" | "image" | "volume";
  readonly status: ContainerEventStatus | ImageEventStatus | VolumeEventStatus;
  /** Of the container or image. */
  readonly id?: string | undefined;
  /** Of the container, image or volume, as it was then. */
  readonly name: string;
  /** Of a container: the name of its image. */
  readonly image?: string | undefined;
  /** Of died and exec_died: how the program ended. */
  readonly exitCode?: number | undefined;
  /** Of health_status: "healthy", "unhealthy" … */
  readonly health?: string | undefined;
  /** Labels of the container, and what belongs to the status. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Which events, see `tsman events`. */
export interface EventOptions {
  /** From then on; missing: from now on, or, without `follow`, all that are known. */
  readonly since?: Date | undefined;
  /** Up to then, which ends the stream. */
  readonly until?: Date | undefined;
  /** At the last one wait for more; missing: true. */
  readonly follow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A line of the store's file is damaged and was left out; how many so far. */
  readonly onSkipped?: ((count: number) => void) | undefined;
}
