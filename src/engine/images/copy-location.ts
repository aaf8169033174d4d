import { TsmanError } from "../../errors/index.ts";
import { type ImageLocation, parseImageLocation } from "../../oci/image-location.ts";
import type { ImageSource } from "../../oci/transfer.ts";
import type { EngineContext } from "../context.ts";
import type { ImageCopyOptions, ImageCopyResult } from "../transfer-types.ts";
import { type AdmitImage, gateOf } from "./assert-admitted.ts";
import { copyPacked } from "./copy-packed.ts";
import { newImageName } from "./name-image.ts";
import { openDestination, openSource } from "./open-location.ts";

/** As `ImageTransferService.copy`. */
export async function copyLocation(
  context: EngineContext,
  from: string,
  to: string,
  options: ImageCopyOptions,
): Promise<ImageCopyResult> {
  const origin = parseImageLocation(from);
  const target = parseImageLocation(to);
  const { signal, onProgress } = options;
  await using stack = new AsyncDisposableStack();
  if (origin.transport === "containers-storage") {
    stack.use(await context.store.lockContent({ shared: true, signal }));
  }
  const sourceAccess = { ...options.source, signal, onProgress };
  const source = await openSource(context, origin, sourceAccess);
  const admit = gateOf(context, origin, sourceAccess);
  stack.use(source);
  onProgress?.({ kind: "copying", source: from, destination: to });
  if (target.transport === "containers-storage") {
    return await intoStore(context, source, target, { ...options, admit });
  }
  const access = { ...options.destination, signal, onProgress };
  const destination = stack.use(await openDestination(context, target, access));
  const digest = await copyPacked(context, source, destination, { ...options, admit });
  return { digest };
}

async function intoStore(
  context: EngineContext,
  source: ImageSource,
  target: Extract<ImageLocation, { readonly transport: "containers-storage" }>,
  options: ImageCopyOptions & { readonly admit: AdmitImage | undefined },
): Promise<ImageCopyResult> {
  if (options.all === true || options.format !== undefined) {
    throw new TsmanError(
      "USAGE",
      `copy to containers-storage:${target.image}: the store keeps one platform, as it comes`,
      { hint: "leave out --all and --format" },
    );
  }
  const { takeImage } = await import("./take-image.ts");
  const { platform, signal, onProgress, admit } = options;
  const names = [newImageName(target.image)];
  const image = await takeImage(context, source, { names, admit, platform, signal, onProgress });
  return { digest: image.manifestDigest };
}
