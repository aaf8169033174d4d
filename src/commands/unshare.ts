import { defineCommand } from "../cli/command.ts";
import { proxySignals } from "../cli/session/signal-proxy.ts";

/** Signals that a terminal sends to all of its foreground processes, ours and the program. */
const fromTerminal = new Set([2, 3]);

/** `tsman unshare` */
export const unshare = defineCommand({
  name: "unshare",
  usage: "[COMMAND [ARGUMENT…]]",
  summary: "run a command, or your shell, where the store's files have their container owners",
  examples: ["tsman unshare ls -ln .", `tsman unshare sh -c 'ls "$(tsman mount web)"'`],
  options: {},
  refused: {
    "rootless-netns": {
      kind: "unsupported",
      takesValue: false,
      reason: "containers share no network namespace that could be entered",
      hint: "a program in one container's network: tsman run --network container:NAME",
    },
  },
  stopAtPositional: true,
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "command" },
  async run({ positionals }, context) {
    const shell = context.environment.SHELL || "/bin/sh";
    const engine = await context.openEngine();
    using signals = proxySignals();
    const session = await engine.unshare({
      command: positionals.length > 0 ? positionals : [shell],
      env: context.environment,
      stdio: [0, 1, 2],
    });
    signals.passTo((signal) => {
      if (!fromTerminal.has(signal)) session.signal(signal);
    });
    return (await session.exited).status;
  },
});
