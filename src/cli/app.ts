import process from "node:process";
import { callerEnvironment } from "../config/environment.ts";
import { catalogue } from "./command-table.ts";
import { dispatch } from "./dispatch.ts";
import { descriptorOutput } from "./output.ts";
import { terminalColumns } from "./session/terminal.ts";

// The process as seen from the command line: its arguments, descriptors and end.

void dispatch({
  argv: process.argv.slice(2),
  catalogue,
  stdout: descriptorOutput(1),
  stderr: descriptorOutput(2),
  cwd: process.cwd(),
  environment: callerEnvironment(),
  now: Date.now,
  columns: terminalColumns,
  openEngine: async (values) => {
    const { Tsman } = await import("../engine/index.ts");
    return Tsman.open({
      ...(values.root !== undefined && { root: values.root }),
      ...(values["runtime-dir"] !== undefined && { runtimeDir: values["runtime-dir"] }),
    });
  },
}).then((status) => process.exit(status));
