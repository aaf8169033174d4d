import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { TsmanError } from "../../errors/index.ts";
import { formatNpmReference, isNpmVersion, parseNpmReference } from "../../oci/npm-reference.ts";
import { parseReference } from "../../oci/reference.ts";
import { toGivenFileError } from "../../platform/errno.ts";
import type { ImageRecord } from "../../store/images.ts";
import { npmLayoutDirectory } from "../../transport/npm-files.ts";
import type { EngineContext } from "../context.ts";
import type { NpmPackageOptions, NpmPackageResult } from "../transfer-types.ts";
import { copyImage } from "./copy-image.ts";
import { getImage } from "./find-image.ts";
import { openLayoutDirectory } from "./save-images.ts";
import { storeSource } from "./store-source.ts";

/**
 * As `ImageTransferService.toNpm`: a directory that npm publishes, whole or not at all.  The image
 * lies in it as an OCI layout, with the bytes and digests that it has in the store.
 */
export async function writeNpmPackage(
  context: EngineContext,
  nameOrId: string,
  packageName: string,
  options: NpmPackageOptions,
): Promise<NpmPackageResult> {
  const reference = parseNpmReference(packageName.replace(/^npm:/, ""));
  const { name, version } = reference;
  if (!isNpmVersion(version)) {
    throw new TsmanError("USAGE", `make package ${name}: ${version} is no version`, {
      hint: `packages are published by version: ${name}@1.0.0`,
    });
  }
  const { signal, onProgress } = options;
  const directory = path.resolve(options.directory ?? defaultDirectory(name, version));
  if (existsSync(directory)) {
    throw new TsmanError("USAGE", `make package ${directory}: it is there already`, {
      hint: "remove it, or name another directory with --output",
    });
  }
  const image = await getImage(context, nameOrId);
  await using _content = await context.store.lockContent({ shared: true, signal });
  const temporary = await temporaryDirectory(directory);
  try {
    await using source = storeSource(context, image, nameOrId, { signal, onProgress });
    const layout = await openLayoutDirectory(path.join(temporary, npmLayoutDirectory), signal);
    await using _output = layout.output;
    const destination = layout.writer.image([]);
    const { digest } = await copyImage(source, destination, { signal, onProgress });
    await destination.commit();
    const manifest = {
      name,
      version,
      description: `OCI image${plainName(image)}, to be run with: tsman run ${formatNpmReference(reference)}`,
      keywords: ["oci-image", "container"],
      files: [npmLayoutDirectory],
    };
    const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
    await writeFile(path.join(temporary, "package.json"), text);
    await rename(temporary, directory);
    return { directory, digest };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw toGivenFileError(error, `make package ${directory}`, "write");
  }
}

/** Without the registry, which may be nobody else's business. */
function plainName({ names: [name] }: ImageRecord): string {
  if (name === undefined) return "";
  const { repository, tag } = parseReference(name);
  return ` ${repository}:${tag}`;
}

/** As npm calls the archive of a package. */
function defaultDirectory(name: string, version: string): string {
  return `${name.replace(/^@/, "").replace("/", "-")}-${version}`;
}

async function temporaryDirectory(directory: string): Promise<string> {
  try {
    return await mkdtemp(`${directory}.tmp-`);
  } catch (error) {
    throw toGivenFileError(error, `make package ${directory}`, "write");
  }
}
