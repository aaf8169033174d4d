import type { MonitorHandle } from "../../runtime/monitor-handle.ts";
import type { OwnedSession } from "../owned-session.ts";

/**
 * What a caller gets of a program that a monitor of ours watches over.
 *
 * @param exited how it ended; whoever does not ask for that is not ended by its failure.
 */
export function monitoredSession(
  { id, name }: { readonly id: string; readonly name: string },
  handle: MonitorHandle,
  exited: OwnedSession["exited"],
): OwnedSession {
  exited.catch(() => undefined);
  return {
    id,
    name,
    started: handle.started,
    exited,
    detached: handle.detached,
    streams: handle.streams,
    signal: (n) => handle.signal(n),
    resize: (rows, columns) => handle.resize(rows, columns),
    release: () => handle.disconnect(),
    keepProcess: (isWanted) => handle.keepProcess(isWanted),
  };
}
