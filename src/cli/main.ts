import module from "node:module";
import { resolvePaths } from "../config/paths.ts";

// The entry of the command line, and nothing else: V8's compile cache, which is worth more
// milliseconds than anything else in here, covers what is imported after it was switched on.
try {
  module.enableCompileCache(resolvePaths().cacheDir);
} catch {
  // No home, no cache: slower, and no reason to fail.
}

await import("./app.ts");
