/** Gives its bytes to a sink, which may make it wait. */
type Pushing = (sink: (chunk: Uint8Array) => Promise<void>, signal: AbortSignal) => Promise<void>;

/**
 * The bytes of something that pushes them, to be iterated over.  It goes no further than the
 * reader, and is aborted when the reader stops.
 *
 * @throws what `push` throws, instead of ending
 */
export async function* streamOf(
  push: Pushing,
  { signal }: { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Uint8Array> {
  const abort = new AbortController();
  const both = signal === undefined ? abort.signal : AbortSignal.any([signal, abort.signal]);
  const gone = Promise.withResolvers<never>();
  gone.promise.catch(() => undefined);
  let offered = Promise.withResolvers<Uint8Array>();
  let taken = Promise.withResolvers<void>();
  const sink = async (chunk: Uint8Array): Promise<void> => {
    offered.resolve(chunk);
    await Promise.race([taken.promise, gone.promise]);
  };
  const pushed = push(sink, both).then(() => undefined);
  pushed.catch(() => undefined);
  try {
    for (;;) {
      const chunk = await Promise.race([offered.promise, pushed]);
      if (chunk === undefined) return;
      yield chunk;
      const previous = taken;
      offered = Promise.withResolvers();
      taken = Promise.withResolvers();
      previous.resolve();
    }
  } finally {
    abort.abort();
    gone.reject(new Error("nobody reads any more"));
    await pushed.catch(() => undefined);
  }
}
