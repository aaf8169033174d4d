import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pushLayout } from "../../images/push.ts";
import { runToEnd } from "./child.ts";
import { root } from "./tree.ts";

/** Debian's registry, running, with the recipes' images in it. */
export interface Registry extends AsyncDisposable {
  /** host:port */
  readonly address: string;
  /** Directory of what it has; emptied, it has nothing. */
  readonly storage: string;
}

/**
 * Builds recipes, starts Debian's docker-registry on a free loopback port, pushes them.
 *
 * @param recipes what images/build.ts is told to build: all that the tests need; none: it is empty.
 */
export async function startRegistry(
  work: string,
  signal: AbortSignal,
  recipes: readonly string[] = ["--all"],
): Promise<Registry> {
  const images = join(work, "images");
  await mkdir(images, { recursive: true });
  if (recipes.length > 0) await buildImages(recipes, images, signal);
  const port = await freePort();
  const storage = join(work, "registry");
  await mkdir(storage, { mode: 0o700 });
  const config = join(work, "registry.yml");
  const log = join(work, "registry.log");
  await writeFile(
    config,
    [
      "version: 0.1",
      "log: { level: warn, accesslog: { disabled: true } }",
      `storage: { filesystem: { rootdirectory: ${storage} }, delete: { enabled: true } }`,
      `http: { addr: "127.0.0.1:${port}" }`,
      "",
    ].join("\n"),
  );
  const output = openSync(log, "w");
  // It must not outlive us, even when we are killed.
  const server = spawn("setpriv", ["--pdeathsig=KILL", "docker-registry", "serve", config], {
    stdio: ["ignore", output, output],
    // Only what it needs: REGISTRY_* variables would change its configuration.
    env: { PATH: process.env.PATH },
  });
  const ended = once(server, "exit");
  ended.catch(() => undefined);
  const address = `127.0.0.1:${port}`;
  const registry: Registry = {
    address,
    storage,
    [Symbol.asyncDispose]: async () => {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.kill("SIGKILL");
      await ended;
    },
  };
  try {
    await waitUntilReady(address, server, log);
    for (const name of (await readdir(images)).sort()) {
      await pushLayout(join(images, name), address, name, "latest");
    }
  } catch (error) {
    await registry[Symbol.asyncDispose]();
    throw error;
  }
  return registry;
}

async function buildImages(
  recipes: readonly string[],
  out: string,
  signal: AbortSignal,
): Promise<void> {
  const built = await runToEnd(
    process.execPath,
    [join(root, "images/build.ts"), ...recipes, "--out", out],
    { cwd: root, signal, quiet: true },
  );
  if (built !== 0) throw new Error(`build the images of the tests: exit status ${built}`);
}

async function waitUntilReady(
  address: string,
  server: { readonly exitCode: number | null },
  log: string,
): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const answer = await fetch(`http://${address}/v2/`).catch(() => undefined);
    if (answer?.ok) return;
    if (server.exitCode !== null) break;
    await delay(50);
  }
  throw new Error(`start docker-registry on ${address}: ${await readFile(log, "utf8")}`);
}

/** A loopback port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("find a free port: none");
  return address.port;
}
