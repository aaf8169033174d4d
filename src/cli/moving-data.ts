import { setFlagsFromString } from "node:v8";

/**
 * Runs what moves much data through a small heap.  V8 sees the memory of buffers grow and marks the
 * heap in small steps, beside the work, again and again; all at once it takes a few milliseconds.
 * `save` of 300 MB: 7.4 G instructions, 6.4 G so.
 *
 * Not a flag of the process: with other ones than Node was built with its own code has to be
 * compiled anew, and with other ones at the end the code that is kept for the next command
 * (code-cache.ts) would be of no use.
 */
export async function movingData<T>(work: () => Promise<T>): Promise<T> {
  setFlagsFromString("--no-incremental-marking");
  try {
    return await work();
  } finally {
    setFlagsFromString("--incremental-marking");
  }
}
