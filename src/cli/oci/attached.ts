import type { OciSession, RunRequest } from "../../engine/oci/run-oci-container.ts";
import { isTerminal } from "../../platform/is-terminal.ts";
import { handOverFrom } from "../session/hand-over.ts";
import { interruptedBy } from "../session/interruption.ts";
import { LateAbort } from "../session/late-abort.ts";
import { proxySignals } from "../session/signal-proxy.ts";
import { findSessionTerminal } from "../session/terminal.ts";
import type { OciVerbContext } from "./verb.ts";

/**
 * Starts a program and waits for its end: signals and the terminal's size are passed on.  One that
 * ends is waited for by whoever is to have it; the second one, or the first when the program has ended,
 * interrupts what is left to do.
 *
 * @returns its exit status; 0 when it is detached.
 */
export async function attached(
  start: (
    side: Pick<RunRequest, "terminal" | "beforeStart" | "handOver" | "onEnd">,
    interruption: LateAbort,
  ) => Promise<OciSession | undefined>,
  { environment }: Pick<OciVerbContext, "environment">,
): Promise<number> {
  const terminal = findSessionTerminal();
  const interruption = new LateAbort();
  using proxy = proxySignals((name) => interruption.abort(interruptedBy(name)));
  using stack = new DisposableStack();
  try {
    const side = {
      terminal: terminal?.size(),
      beforeStart: async (isOurs: boolean) => {
        if (isOurs && isTerminal(0)) await terminal?.enterRaw();
      },
      handOver: handOverFrom(
        { environment },
        {
          isTyped: isTerminal(0),
          proxiesSignals: true,
          // A signal is the container's from the beginning.
          isInterrupted: () => false,
          prepare: () => {},
        },
      ),
      onEnd: proxy.giveUp,
    };
    const session = await start(side, interruption);
    if (session === undefined) return 0;
    proxy.passTo(session.signal);
    if (terminal !== undefined) {
      stack.use(terminal.onResize(({ rows, columns }) => session.resize(rows, columns)));
    }
    return await session.exited;
  } finally {
    terminal?.restore();
  }
}
