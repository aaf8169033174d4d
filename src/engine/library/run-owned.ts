import { runContainer } from "../containers/run-container.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerService } from "../types.ts";
import { ContainerHandle } from "./container-handle.ts";
import { asInterrupted } from "./interruptible.ts";
import type { OwnedContainers } from "./owned-containers.ts";
import { containerOptionsOf } from "./run-options.ts";
import type { Container, RunOptions } from "./types.ts";

/**
 * Starts a container and hands it out as an object; resolves when its program runs.
 *
 * @throws TsmanError USAGE, INTERRUPTED, and why it does not start; then nothing of it is left.
 */
export async function runOwned(
  context: EngineContext,
  service: ContainerService,
  owned: OwnedContainers,
  image: string,
  options: RunOptions,
): Promise<Container> {
  const what = `run image ${image}`;
  return await owned.starting(options.signal, async (signal) => {
    try {
      return await start(context, service, owned, image, { ...options, signal });
    } catch (error) {
      throw asInterrupted(error, signal, what);
    }
  });
}

async function start(
  context: EngineContext,
  service: ContainerService,
  owned: OwnedContainers,
  image: string,
  options: RunOptions & { readonly signal: AbortSignal },
): Promise<Container> {
  const request = containerOptionsOf(image, options);
  const {
    keep = false,
    signal,
    onProgress,
    onWarning,
    tlsVerify,
    authFile,
    certDir,
    credentials,
    lockFile,
  } = options;
  signal.throwIfAborted();
  const session = await runContainer(context, request, {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    ...{ signal, onProgress, onWarning, tlsVerify, authFile, certDir, credentials, lockFile },
    ephemeral: !keep,
  });
  if (keep) session.release();
  const handle = new ContainerHandle(
    {
      id: session.id,
      name: session.name,
      ports: (await service.find(session.id))?.ports ?? [],
    },
    {
      context,
      service,
      session: keep ? undefined : session,
      onGone: (gone) => owned.delete(gone),
    },
  );
  if (keep) return handle;
  owned.add(handle);
  // Aborted when it was too late to give the start up.
  if (signal.aborted) {
    await handle[Symbol.asyncDispose]();
    signal.throwIfAborted();
  }
  return handle;
}
