import { type Interruption, listenForInterruption } from "../session/interruption.ts";

/** {@link listenForInterruption} from the first question for its signal on: before, nothing is to be undone. */
export function lateInterruption(): Pick<Interruption, "signal"> & Disposable {
  let interruption: Interruption | undefined;
  return {
    get signal() {
      interruption ??= listenForInterruption();
      return interruption.signal;
    },
    [Symbol.dispose]: () => interruption?.[Symbol.dispose](),
  };
}
