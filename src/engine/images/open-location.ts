import { TsmanError } from "../../errors/index.ts";
import {
  formatImageLocation,
  type ImageLocation,
  type ImageSelector,
} from "../../oci/image-location.ts";
import { imageNameOfNpm } from "../../oci/npm-reference.ts";
import type { ImageDestination, ImageSource } from "../../oci/transfer.ts";
import type { ImageFiles } from "../../transport/image-files.ts";
import type { EngineContext } from "../context.ts";
import type { AccessOptions } from "./registry-access.ts";

/** A source that may know what the image is called there. */
export interface NamedSource extends ImageSource {
  /** From outside, as they are written there. */
  readonly names?: readonly string[] | undefined;
}

/**
 * Opens a place to take an image from.  Of a place in the store the content should be locked,
 * shared, meanwhile.
 *
 * @throws TsmanError IMAGE_NOT_FOUND, ARCHIVE_INVALID, USAGE when it may be several images
 */
export async function openSource(
  context: EngineContext,
  location: ImageLocation,
  options: AccessOptions,
): Promise<NamedSource> {
  const name = formatImageLocation(location);
  switch (location.transport) {
    case "docker": {
      const { openRegistrySource } = await import("./registry-source.ts");
      return await openRegistrySource(context, location.reference, options);
    }
    case "containers-storage": {
      const { getImage } = await import("./find-image.ts");
      const { storeSource } = await import("./store-source.ts");
      const image = await getImage(context, location.image);
      return storeSource(context, image, name, options);
    }
    case "npm": {
      const { openNpmFiles } = await import("./npm-files.ts");
      const source = await openFromFiles(await openNpmFiles(context, location, options), location);
      return { ...source, names: [imageNameOfNpm(location.package)] };
    }
    case "oci":
    case "dir": {
      const { directoryFiles } = await import("../../transport/directory-files.ts");
      return await openFromFiles(directoryFiles(location.path, name), location);
    }
    default: {
      const { openInput } = await import("./load-images.ts");
      const files = await openInput(context, location.path, options.signal, name);
      return await openFromFiles(files, location);
    }
  }
}

type FilesLocation = Exclude<
  ImageLocation,
  { readonly transport: "docker" | "containers-storage" }
>;

/** @param files closed with the source, or with the error */
async function openFromFiles(files: ImageFiles, location: FilesLocation): Promise<NamedSource> {
  using given = new DisposableStack();
  given.use(files);
  const { chooseImage } = await import("../../transport/choose-image.ts");
  const images = await listImages(files, location.transport);
  const selector: ImageSelector | undefined = "image" in location ? location.image : undefined;
  const image = chooseImage(images, files.name, selector);
  const source = await image.open();
  const opened = given.move();
  return {
    ...source,
    names: image.names,
    [Symbol.asyncDispose]: async () => {
      await source[Symbol.asyncDispose]();
      opened.dispose();
    },
  };
}

async function listImages(files: ImageFiles, transport: FilesLocation["transport"]) {
  if (transport === "dir") {
    const { directoryImages } = await import("../../transport/directory-source.ts");
    return await directoryImages(files);
  }
  if (transport === "docker-archive") {
    const { dockerArchiveImages } = await import("../../transport/docker-archive-source.ts");
    return await dockerArchiveImages(files);
  }
  const { layoutImages } = await import("../../transport/layout-source.ts");
  return await layoutImages(files);
}

/**
 * Opens a place to write an image to; nothing is there before it is committed.
 *
 * @throws TsmanError USAGE, OPTION_UNSUPPORTED for the store, which takes images in (`takeImage`)
 */
export async function openDestination(
  context: EngineContext,
  location: ImageLocation,
  options: AccessOptions,
): Promise<ImageDestination> {
  const name = formatImageLocation(location);
  switch (location.transport) {
    case "docker": {
      const { openRepository } = await import("./registry-destination.ts");
      return await openRepository(context, location.reference, options);
    }
    case "npm":
      throw new TsmanError("USAGE", `write ${name}: packages are published by npm`, {
        hint: "make one with tsman image to-npm, and publish that with npm publish",
      });
    case "containers-storage":
      throw new TsmanError("OPTION_UNSUPPORTED", `write ${name}: the store takes images itself`);
    case "oci": {
      const { openLayoutDirectory } = await import("./save-images.ts");
      const { writer } = await openLayoutDirectory(location.path, options.signal);
      return writer.image(namesOf(location.image, name));
    }
    case "dir": {
      const { DirectoryOutput } = await import("../../transport/directory-output.ts");
      const { directoryMark } = await import("../../transport/directory-source.ts");
      const { directoryDestination } = await import("../../transport/directory-destination.ts");
      const { signal } = options;
      return directoryDestination(
        await DirectoryOutput.open(location.path, { name, mark: directoryMark, signal }),
      );
    }
    case "oci-archive": {
      const { LayoutWriter } = await import("../../transport/layout-destination.ts");
      const output = await openArchive(context, location.path, name, options);
      return new LayoutWriter(output).image(namesOf(location.image, name));
    }
    case "docker-archive": {
      const { DockerArchiveWriter } = await import("../../transport/docker-archive-destination.ts");
      const { archiveLimits } = await import("./image-limits.ts");
      const names = namesOf(location.image, name);
      const output = await openArchive(context, location.path, name, options);
      return new DockerArchiveWriter(output, archiveLimits()).image(names);
    }
  }
}

async function openArchive(
  context: EngineContext,
  path: string,
  name: string,
  { signal }: AccessOptions,
) {
  const { openArchiveOutput } = await import("./open-output.ts");
  return openArchiveOutput(context, path, name, signal);
}

function namesOf(image: ImageSelector | undefined, place: string): readonly string[] {
  if (image === undefined) return [];
  if ("name" in image) return [image.name];
  throw new TsmanError("USAGE", `write ${place}: a position cannot be written to`, {
    hint: "give the image a name, or none",
  });
}
