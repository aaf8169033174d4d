import type { ImageSummary } from "../../engine/types.ts";
import { usageError } from "../usage-error.ts";
import { humanAge, humanSize, shownId } from "./human.ts";
import type { ListingRow } from "./listing.ts";

/** How image rows are made. */
export interface ImageRowStyle {
  readonly isFull: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly sort: string | undefined;
}

/** One row per name of each image, as Podman lists them; an image without a name has one row. */
export function imageRows(
  images: readonly ImageSummary[],
  style: ImageRowStyle,
): readonly ListingRow[] {
  const rows = images.flatMap((image) => {
    const names = image.names.length === 0 ? [undefined] : image.names;
    const json = imageJson(image);
    return names.map((name) => ({ image, ...splitName(name), json }));
  });
  return rows
    .toSorted(comparison(style.sort ?? "created"))
    .map(({ image, repository, tag, json }) => ({
      json,
      fields: {
        ID: shownId(image.id, style.isFull),
        Id: image.id.replace(/^sha256:/, ""),
        Repository: repository,
        Tag: tag,
        Digest: image.digest,
        Created: humanAge(image.createdAt, style.now),
        CreatedSince: humanAge(image.createdAt, style.now),
        CreatedAt: image.createdAt,
        Size: humanSize(image.size),
        VirtualSize: humanSize(image.size),
        Labels: image.labels,
        Names: image.names,
        RepoTags: image.names,
        RepoDigests: image.repoDigests,
        Containers: image.containers,
        Dangling: image.names.length === 0,
      },
    }));
}

interface SortableRow {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
}

function comparison(key: string): (a: SortableRow, b: SortableRow) => number {
  const byText = (of: (row: SortableRow) => string) => (a: SortableRow, b: SortableRow) =>
    of(a) < of(b) ? -1 : of(a) > of(b) ? 1 : 0;
  switch (key) {
    case "created":
      return (a, b) => Date.parse(b.image.createdAt) - Date.parse(a.image.createdAt);
    case "id":
      return byText(({ image }) => image.id);
    case "repository":
      return byText(({ repository, tag }) => `${repository}:${tag}`);
    case "tag":
      return byText(({ tag }) => tag);
    case "size":
      return (a, b) => a.image.size - b.image.size;
    default:
      throw usageError(
        `sort images by ${JSON.stringify(key)}: no such key`,
        "use one of: created, id, repository, size, tag",
      );
  }
}

/** `registry/repository:tag` into its two columns. */
export function splitName(name: string | undefined): { repository: string; tag: string } {
  if (name === undefined) return { repository: "<none>", tag: "<none>" };
  const colon = name.lastIndexOf(":");
  if (colon < 0 || name.indexOf("/", colon) >= 0) return { repository: name, tag: "<none>" };
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

function imageJson(image: ImageSummary): object {
  const createdMs = Date.parse(image.createdAt);
  return {
    Id: image.id.replace(/^sha256:/, ""),
    ParentId: "",
    RepoTags: image.names.length === 0 ? null : image.names,
    RepoDigests: image.repoDigests,
    Size: image.size,
    SharedSize: 0,
    VirtualSize: image.size,
    Labels: image.labels,
    Containers: image.containers,
    Dangling: image.names.length === 0,
    Names: image.names,
    Digest: image.digest,
    Created: Number.isNaN(createdMs) ? 0 : Math.trunc(createdMs / 1000),
    CreatedAt: image.createdAt,
  };
}
