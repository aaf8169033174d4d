import type { DiskUsage, UsageSum } from "../../engine/types.ts";
import { compactSize } from "./human.ts";
import type { ListingRow } from "./listing.ts";

/** Columns of `tsman system df`. */
export const usageColumns = [
  ["TYPE", "Type"],
  ["TOTAL", "Total"],
  ["ACTIVE", "Active"],
  ["SIZE", "Size"],
  ["RECLAIMABLE", "Reclaimable"],
] as const;

/** One row for each kind of thing, with Podman's words; the sizes add up to the store's. */
export function usageRows(usage: DiskUsage): readonly ListingRow[] {
  const { images, containers, volumes, sums } = usage;
  return [
    row("Images", images.length, images.filter((one) => one.containers > 0).length, sums.images),
    row(
      "Containers",
      containers.length,
      containers.filter(({ state }) => state === "running" || state === "paused").length,
      sums.containers,
    ),
    row(
      "Local Volumes",
      volumes.length,
      volumes.filter(({ links }) => links > 0).length,
      sums.volumes,
    ),
    row("Other", 0, 0, sums.other),
  ];
}

function row(type: string, total: number, active: number, sum: UsageSum): ListingRow {
  const share = sum.size === 0 ? 0 : Math.round((sum.reclaimable / sum.size) * 100);
  const fields = {
    Type: type,
    Total: total,
    TotalCount: total,
    Active: active,
    RawSize: sum.size,
    RawReclaimable: sum.reclaimable,
    Size: compactSize(sum.size),
    Reclaimable: `${compactSize(sum.reclaimable)} (${share}%)`,
  };
  return { fields, json: fields };
}
