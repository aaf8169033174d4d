/** What a transfer has to bring. */
export interface LeastSpeed {
  /** Bytes a second; 0: it may be as slow as it likes. */
  readonly bytesPerSecond: number;
  /** Milliseconds of waiting over which that is the average. */
  readonly periodMs: number;
  /** Milliseconds of a clock; another one in tests. */
  readonly now?: (() => number) | undefined;
}

/** A body that never stands still for long enough, and never comes: one byte now and then. */
export class SlowTransferError extends Error {
  override readonly name = "SlowTransferError";
  readonly code = "TSMAN_SLOW_TRANSFER";
}

/**
 * The same bytes, as long as they come fast enough.  Only waiting for them counts: whoever takes
 * them may be slow.
 *
 * @throws SlowTransferError
 */
export async function* atLeastAsFast(
  body: AsyncIterable<Uint8Array>,
  { bytesPerSecond, periodMs, now = () => performance.now() }: LeastSpeed,
): AsyncGenerator<Buffer> {
  const least = (bytesPerSecond * periodMs) / 1000;
  let waited = 0;
  let bytes = 0;
  let since = now();
  for await (const chunk of body) {
    waited += now() - since;
    bytes += chunk.length;
    if (waited >= periodMs) {
      if (bytes < least) throw new SlowTransferError(`${bytes} bytes in ${Math.round(waited)} ms`);
      waited = 0;
      bytes = 0;
    }
    yield chunk as Buffer;
    since = now();
  }
}
