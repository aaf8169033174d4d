import process from "node:process";
import { callerEnvironment } from "../config/environment.ts";
import { catalogue } from "./command-table.ts";
import { currentDirectory } from "./current-directory.ts";
import { dispatch } from "./dispatch.ts";
import { descriptorOutput } from "./output.ts";
import { warningsTo } from "./render/error.ts";
import { terminalColumns } from "./session/terminal.ts";

// The process as seen from the command line: its arguments, descriptors and end.

// Unheard, SIGUSR1 opens Node's debugger on a port of loopback.  Not --disable-sigusr1: that blocks
// the signal, and then it cannot be passed on to a container either.
process.on("SIGUSR1", () => {});

const stderr = descriptorOutput(2);

void dispatch({
  // bin/tsman marks what Node itself would take for its own, and what looks marked.
  argv: process.argv.slice(2).map((argument) => argument.replace(/^%/, "")),
  catalogue,
  stdout: descriptorOutput(1),
  stderr,
  cwd: currentDirectory(),
  environment: callerEnvironment(),
  now: Date.now,
  columns: terminalColumns,
  openEngine: async (values) => {
    const { Tsman } = await import("../engine/index.ts");
    const paths = {
      ...(values.root !== undefined && { root: values.root }),
      ...(values["runtime-dir"] !== undefined && { runtimeDir: values["runtime-dir"] }),
    };
    return Tsman.open(paths, { onWarning: warningsTo(stderr) });
  },
}).then((status) => process.exit(status));
