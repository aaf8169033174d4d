import module from "node:module";
import process from "node:process";
import { callerEnvironment } from "../config/environment.ts";
import { resolvePaths } from "../config/paths.ts";

// The entry of the command line.  What is not needed to find the command is imported later, so that
// V8's compile cache covers it: that is worth more milliseconds than anything else in here.
try {
  module.enableCompileCache(resolvePaths().cacheDir);
} catch {
  // No home, no cache: slower, and no reason to fail.
}

const [{ catalogue }, { dispatch }, { descriptorOutput }, { terminalColumns }] = await Promise.all([
  import("./command-table.ts"),
  import("./dispatch.ts"),
  import("./output.ts"),
  import("./session/terminal.ts"),
]);

const status = await dispatch({
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
    return await Tsman.open({
      ...(values.root !== undefined && { root: values.root }),
      ...(values["runtime-dir"] !== undefined && { runtimeDir: values["runtime-dir"] }),
    });
  },
});
process.exit(status);
