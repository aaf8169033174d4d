import type { OciSession, RunRequest } from "../../engine/oci/run-oci-container.ts";
import { isTerminal } from "../../platform/is-terminal.ts";
import { handOverFrom } from "../session/hand-over.ts";
import { proxySignals } from "../session/signal-proxy.ts";
import { findSessionTerminal } from "../session/terminal.ts";
import type { OciVerbContext } from "./verb.ts";

/**
 * Starts a program and waits for its end: signals and the terminal's size are passed on.
 *
 * @returns its exit status; 0 when it is detached.
 */
export async function attached(
  start: (
    side: Pick<RunRequest, "terminal" | "beforeStart" | "handOver">,
  ) => Promise<OciSession | undefined>,
  { environment }: Pick<OciVerbContext, "environment">,
): Promise<number> {
  const terminal = findSessionTerminal();
  using proxy = proxySignals();
  using stack = new DisposableStack();
  try {
    const session = await start({
      terminal: terminal?.size(),
      beforeStart: async (isOurs) => {
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
    });
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
