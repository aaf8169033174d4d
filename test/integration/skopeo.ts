import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestStore } from "./support.ts";

const run = promisify(execFile);

/** The real skopeo, which knows nothing of tsman. */
export interface Skopeo {
  /** `skopeo copy SOURCE DESTINATION`, in the store's scratch directory. */
  readonly copy: (source: string, destination: string, ...options: string[]) => Promise<void>;
  /** The manifest or index as it lies there, byte for byte. */
  readonly raw: (location: string) => Promise<string>;
  /** The image config. */
  readonly config: (location: string) => Promise<unknown>;
}

/** skopeo with its files in the store's scratch directory. */
export function skopeoIn(store: TestStore): Skopeo {
  const authFile = join(store.scratch, "skopeo-auth.json");
  writeFileSync(authFile, "{}");
  const skopeo = async (args: readonly string[]): Promise<string> => {
    const { stdout } = await run("skopeo", ["--insecure-policy", ...args], {
      cwd: store.scratch,
      env: { PATH: process.env.PATH, HOME: store.scratch, REGISTRY_AUTH_FILE: authFile },
      encoding: "buffer",
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout.toString("latin1");
  };
  return {
    async copy(source, destination, ...options) {
      const tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
      await skopeo(["copy", "--quiet", ...tls, ...options, source, destination]);
    },
    raw: async (location) =>
      await skopeo(["inspect", "--no-tags", "--tls-verify=false", "--raw", location]),
    config: async (location) =>
      JSON.parse(
        await skopeo(["inspect", "--no-tags", "--tls-verify=false", "--config", location]),
      ),
  };
}
