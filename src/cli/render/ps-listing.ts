import type { Output } from "../output.ts";
import { usageError } from "../usage-error.ts";
import { containerHeadings } from "./container-rows.ts";
import type { ListingStyle } from "./listing.ts";

/** The options of `ps` that decide what a row shows. */
export interface PsOptions {
  readonly format: string | undefined;
  readonly last: number | undefined;
  readonly latest: boolean;
  readonly namespace: boolean;
  readonly noheading: boolean;
  readonly pod: boolean;
  readonly quiet: boolean;
  readonly size: boolean;
  readonly watch: number | undefined;
}

/**
 * Refuses what Podman refuses too.
 *
 * @throws TsmanError USAGE
 */
export function assertPsOptions(options: PsOptions): void {
  const { quiet, size, namespace, latest, last = -1, watch } = options;
  const pairs: readonly (readonly [boolean, string])[] = [
    [quiet && size, "--quiet and --size"],
    [quiet && namespace, "--quiet and --namespace"],
    [size && namespace, "--size and --namespace"],
    [latest && last >= 0, "--latest and --last"],
    [latest && watch !== undefined, "--latest and --watch"],
  ];
  for (const [isGiven, names] of pairs) {
    if (isGiven)
      throw usageError(`list containers: ${names} exclude each other`, "give one of them");
  }
}

const namespaceColumns = [
  ["CONTAINER ID", "ID"],
  ["NAMES", "Names"],
  ["PID", "Pid"],
  ["CGROUPNS", "CGROUPNS"],
  ["IPC", "IPC"],
  ["MNT", "MNT"],
  ["NET", "NET"],
  ["PIDNS", "PIDNS"],
  ["USERNS", "USERNS"],
  ["UTS", "UTS"],
] as const;

const columns = [
  ["CONTAINER ID", "ID"],
  ["IMAGE", "Image"],
  ["COMMAND", "Command"],
  ["CREATED", "CreatedHuman"],
  ["STATUS", "Status"],
  ["PORTS", "Ports"],
  ["NAMES", "Names"],
] as const;

const podColumns = [
  ["POD ID", "Pod"],
  ["PODNAME", "PodName"],
] as const;

/** How `ps` prints its rows. */
export function psListing(options: PsOptions): ListingStyle {
  const { format, quiet, namespace, noheading, pod, size } = options;
  return {
    format,
    // A template has its own idea of what to print.
    quietField: quiet && (format === undefined || format === "table") ? "ID" : undefined,
    noHeading: noheading,
    columns: namespace
      ? namespaceColumns
      : [...columns, ...(pod ? podColumns : []), ...(size ? ([["SIZE", "Size"]] as const) : [])],
    headings: containerHeadings,
  };
}

/** For `--watch`: a fresh screen; what is no terminal gets one list after the other. */
export function clearScreen(stdout: Output): void {
  if (stdout.isTerminal) stdout.write("\x1b[H\x1b[2J");
}

/** Waits. */
export async function seconds(count: number): Promise<void> {
  await new Promise((resolve) => void setTimeout(resolve, count * 1000));
}
