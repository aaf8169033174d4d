import { signalUntil } from "../../platform/deadline.ts";
import { rotatedLines } from "../../platform/rotated-lines.ts";
import type { EngineContext } from "../context.ts";
import type { EventOptions, TsmanEvent } from "../types.ts";
import { parseEventLine } from "./event-line.ts";

/**
 * What happened in the store, in the order in which it was written down; while following, also what
 * happens, until the end of `until` or an abort.
 */
export async function* readEvents(
  context: EngineContext,
  options: EventOptions,
): AsyncGenerator<TsmanEvent> {
  const { since, until, onSkipped } = options;
  const follow = (options.follow ?? true) && !isPast(until);
  const lines = rotatedLines(context.events.path, {
    follow,
    // As Podman: who follows and names no beginning wants what comes.
    fromEnd: follow && since === undefined,
    signal: follow ? signalUntil(until, options.signal) : options.signal,
    interval: 60_000,
  });
  let skipped = 0;
  for await (const { bytes } of lines) {
    const event = parseEventLine(bytes);
    if (event === undefined) {
      skipped += 1;
      onSkipped?.(skipped);
      continue;
    }
    const time = Date.parse(event.time);
    if (since !== undefined && time < since.getTime()) continue;
    if (until !== undefined && time >= until.getTime()) continue;
    yield event;
  }
  options.signal?.throwIfAborted();
}

function isPast(moment: Date | undefined): boolean {
  return moment !== undefined && moment.getTime() <= Date.now();
}
