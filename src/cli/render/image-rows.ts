import type { ImageSummary } from "../../engine/types.ts";
import { goMap } from "../template/go-map.ts";
import { goMoment, goTime } from "./container-rows.ts";
import { humanAge, humanSize, shownId } from "./human.ts";
import type { ListingRow } from "./listing.ts";

/** How image rows are made. */
export interface ImageRowStyle {
  readonly isFull: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** One of {@link imageOrders}; missing: created. */
  readonly sort: string | undefined;
}

/** One row per name of each image, as Podman lists them; an image without a name has one row. */
export function imageRows(
  images: readonly ImageSummary[],
  style: ImageRowStyle,
): readonly ListingRow[] {
  const rows = images.flatMap((image) => {
    const names = image.names.length === 0 ? [undefined] : image.names;
    return names.map((name) => ({ image, ...splitName(name) }));
  });
  return rows.toSorted(orders[style.sort ?? "created"]).map(({ image, repository, tag }) => ({
    // Tables of many images need none.
    get json() {
      return imageJson(image);
    },
    fields: {
      Containers: image.containers,
      Created: humanAge(image.createdAt, style.now),
      CreatedAt: goTime(image.createdAt),
      CreatedSince: humanAge(image.createdAt, style.now),
      CreatedTime: goTime(image.createdAt),
      Dangling: isDangling(image),
      Digest: image.digest,
      History: image.names.join(", "),
      ID: shownId(image.id, style.isFull),
      Id: image.id.replace(/^sha256:/, ""),
      IsManifestList: image.kind === "list",
      Labels: goMap(image.labels),
      Names: image.names,
      ParentId: "",
      ReadOnly: false,
      IsReadOnly: false,
      RepoDigests: image.repoDigests,
      RepoTags: image.names,
      Repository: repository,
      SharedSize: 0,
      Size: humanSize(image.size),
      Tag: tag,
      VirtualSize: image.size,
    },
  }));
}

function isDangling({ names, kind }: ImageSummary): boolean {
  return names.length === 0 && kind !== "listed";
}

interface SortableRow {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
}

type Order = (a: SortableRow, b: SortableRow) => number;

const byText =
  (of: (row: SortableRow) => string): Order =>
  (a, b) =>
    of(a) < of(b) ? -1 : of(a) > of(b) ? 1 : 0;

/** What `tsman images --sort` takes: Podman's words. */
const orders: Readonly<Record<string, Order>> = {
  created: (a, b) => Date.parse(b.image.createdAt) - Date.parse(a.image.createdAt),
  id: byText(({ image }) => image.id),
  repository: byText(({ repository, tag }) => `${repository}:${tag}`),
  size: (a, b) => a.image.size - b.image.size,
  tag: byText(({ tag }) => tag),
};

/** Words for `--sort`. */
export const imageOrders: readonly string[] = Object.keys(orders);

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
    Labels: Object.keys(image.labels).length === 0 ? null : image.labels,
    Containers: image.containers,
    ...(isDangling(image) && { Dangling: true }),
    // Of Podman 5.
    ...(image.kind === "list" && { IsManifestList: true }),
    Names: image.names,
    Digest: image.digest,
    // Names that it has lost are not remembered.
    History: image.names,
    Created: Number.isNaN(createdMs) ? 0 : Math.trunc(createdMs / 1000),
    CreatedAt: goMoment(image.createdAt),
  };
}
