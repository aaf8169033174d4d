import type { MonitorStream } from "../runtime/monitor-client.ts";
import type { MonitorStreams } from "../runtime/monitor-handle.ts";
import type { RunIo, RunSession } from "./types.ts";

/** What a start is given by a caller that may want pipes, and may want it to end with itself. */
export interface OwnedIo extends Omit<RunIo, "stdin" | "stdout" | "stderr"> {
  readonly stdin: MonitorStream;
  readonly stdout: MonitorStream;
  readonly stderr: MonitorStream;
  /**
   * When this process ends, however it does, the container is ended and removed, a program of an
   * exec session ended.
   */
  readonly ephemeral?: boolean | undefined;
}

/** A session of which this process has the streams' other ends. */
export interface OwnedSession extends RunSession {
  readonly streams: MonitorStreams;
  /** Whether this process stays for as long as the session does; at first it does. */
  keepProcess(isWanted: boolean): void;
}
