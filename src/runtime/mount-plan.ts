import {
  isAtOrBelow,
  type Mount,
  mountOption,
  type OverlayDirectories,
  propagationTypes,
} from "../oci/runtime-spec.ts";
import { type PlanRecord, stepRecord } from "./launch-plan.ts";
import type { SlotTable } from "./slots.ts";

/** Options of mount(8) that are flags of mount(2); the other way round they are no flag. */
const flagOptions: ReadonlySet<string> = new Set([
  "ro",
  "nosuid",
  "nodev",
  "noexec",
  "relatime",
  "noatime",
  "nodiratime",
  "strictatime",
  "sync",
  "dirsync",
  "lazytime",
  "nolazytime",
  "nosymfollow",
]);
/** Of a bind mount that has its own flags (`x-tsman.top`): what takes one of its source away. */
const clearingOptions: ReadonlySet<string> = new Set([
  "suid",
  "dev",
  "exec",
  "atime",
  "diratime",
  "norelatime",
  "nostrictatime",
  "symfollow",
]);
/** runtime-spec/config.md: of a mount and everything mounted below it. */
const recursiveOption =
  /^r(?:ro|rw|(?:no)?(?:suid|dev|exec|atime|diratime|relatime|strictatime|symfollow))$/;
/** The kernel's default: nothing to say. */
const defaultOptions: ReadonlySet<string> = new Set([
  "rw",
  "suid",
  "dev",
  "exec",
  "async",
  "bind",
  "defaults",
  "idmap",
  "ridmap",
  "atime",
  "diratime",
  "norelatime",
  "nostrictatime",
  "symfollow",
  // The kernel knows none of these any more.
  "silent",
  "loud",
  "iversion",
  "noiversion",
  "mand",
  "nomand",
]);
const extras: ReadonlyMap<string, string> = new Map([
  [mountOption.nosymlink, "nosymlink"],
  [mountOption.optional, "optional"],
  [mountOption.top, "top"],
  ["tmpcopyup", "tmpcopyup"],
]);
const handledElsewhere: ReadonlySet<string> = new Set([
  mountOption.copyUp,
  mountOption.chown,
  mountOption.joined,
  mountOption.idmap,
]);

/** Of two that contradict each other the later one holds, as with mount(8). */
const opposites: ReadonlyMap<string, string> = new Map(
  [
    ["ro", "rw"],
    ["nosuid", "suid"],
    ["nodev", "dev"],
    ["noexec", "exec"],
    ["noatime", "atime"],
    ["nodiratime", "diratime"],
    ["relatime", "norelatime"],
    ["strictatime", "nostrictatime"],
    ["nosymfollow", "symfollow"],
    ["sync", "async"],
    ["lazytime", "nolazytime"],
  ].flatMap(([one = "", other = ""]) => [
    [one, other],
    [other, one],
  ]),
);

function withoutOverridden(options: readonly string[]): readonly string[] {
  return options.filter((option, index) => {
    const opposite = opposites.get(option);
    return opposite === undefined || options.lastIndexOf(opposite) < index;
  });
}

interface SortedOptions {
  readonly flags: string[];
  readonly propagation: string;
  readonly data: readonly string[];
  readonly extra: string[];
}

function sortOptions(options: readonly string[]): SortedOptions {
  const flags: string[] = [];
  const data: string[] = [];
  const extra: string[] = [];
  let propagation = "";
  const hasOwnFlags = options.includes(mountOption.top);
  for (const option of withoutOverridden(options)) {
    const known = extras.get(option);
    if (known !== undefined) extra.push(known);
    else if (flagOptions.has(option) || option === "rbind") flags.push(option);
    else if (propagationTypes.has(option)) propagation = option;
    else if (hasOwnFlags && clearingOptions.has(option)) flags.push(option);
    else if (recursiveOption.test(option)) flags.push(option);
    else if (!defaultOptions.has(option) && !handledElsewhere.has(option)) data.push(option);
  }
  return { flags, propagation, data, extra };
}

function openSource(mount: Mount, slots: SlotTable, because: string): string {
  const { source, options } = mount;
  if (options.includes(mountOption.joined)) return slots.openMount(source, "tmpfs", because);
  if (!options.includes(mountOption.idmap)) return slots.open(source, "any", because);
  return slots.openIdMapped(mount, because);
}

function openOverlay(
  { lowers, upper, work }: OverlayDirectories,
  slots: SlotTable,
  because: string,
): string[] {
  const open = (path: string | undefined): string =>
    path === undefined ? "" : slots.open(path, "dir", because);
  return [open(upper), open(work), ...lowers.map(open)];
}

/** A flag's opposite takes it away here, `rw` as well. */
function changeMount(
  { destination, options }: Mount,
  because: string,
  isOpen: boolean,
): PlanRecord {
  const isFlag = (option: string): boolean =>
    option === "rw" ||
    (flagOptions.has(option) && !(option === "ro" && isOpen)) ||
    clearingOptions.has(option) ||
    recursiveOption.test(option);
  const propagation = options.findLast((option) => propagationTypes.has(option)) ?? "";
  const flags = withoutOverridden(options).filter(isFlag).join(",");
  return stepRecord("CHANGE_MOUNT", [destination, flags, propagation], because);
}

/** Where nothing can be made: what mounts there need is there already. */
const fixedTypes: ReadonlySet<string> = new Set([
  "cgroup",
  "cgroup2",
  "devpts",
  "mqueue",
  "proc",
  "sysfs",
]);

/** Something that is mounted or made in the root. */
export interface Placed {
  readonly path: string;
  readonly because: string;
  /** Missing: no mount. */
  readonly mount?: Mount;
  /** What is there in any case, and is written to: a setting of the kernel's. */
  readonly isWritten?: boolean;
  /** @param isOpen the mount is left writable. */
  readonly steps: (isOpen: boolean) => readonly PlanRecord[];
}

/**
 * The steps of all that is mounted and made, in their order.
 *
 * A mount with targets of later ones below it is read-only only after them, as crun has it: they may
 * have to be made there; one of /proc after the settings below it.  Paths are compared as they are
 * written.
 */
export function compilePlaces(places: readonly Placed[]): PlanRecord[] {
  const closing = new Map<number, PlanRecord[]>();
  const steps = places.flatMap((place, index) => {
    const due = closing.get(index) ?? [];
    const end = place.mount && closesBefore(place.mount, places, index);
    if (end === undefined) return [...due, ...place.steps(false)];
    const close = stepRecord("CHANGE_MOUNT", [place.path, "ro", ""], place.because);
    closing.set(end, [...(closing.get(end) ?? []), close]);
    return [...due, ...place.steps(true)];
  });
  return [...steps, ...(closing.get(places.length) ?? [])];
}

/** Before which of the places a mount is made read-only; undefined: at once. */
function closesBefore(
  { destination, type, options }: Mount,
  places: readonly Placed[],
  index: number,
): number | undefined {
  if (accessOf(options) !== "ro") return;
  const later = places.slice(index + 1);
  // What is mounted on it or above it covers it, and who makes it writable again means that.
  const cover = later.findIndex(({ path, mount }) =>
    mount?.options.includes(mountOption.change) === true
      ? path === destination && accessOf(mount.options) === "rw"
      : isAtOrBelow(destination, path),
  );
  const seen = cover < 0 ? later : later.slice(0, cover);
  const needs = ({ path, mount, isWritten = false }: Placed): boolean =>
    isAtOrBelow(path, destination) &&
    (isWritten || !(fixedTypes.has(type) || mount?.options.includes(mountOption.change) === true));
  if (!seen.some(needs)) return;
  return index + 1 + seen.length;
}

function accessOf(options: readonly string[]): string | undefined {
  return options.findLast((option) => option === "ro" || option === "rw");
}

/**
 * The steps of one mount of the OCI configuration.
 *
 * @param isOpen it is left writable, and {@link closeMount} follows.
 */
export function compileMount(
  mount: Mount,
  slots: SlotTable,
  because: string,
  isOpen: boolean,
): PlanRecord[] {
  const { destination } = mount;
  if (mount.options.includes(mountOption.change)) return [changeMount(mount, because, isOpen)];
  const { flags, propagation, data, extra } = sortOptions(mount.options);
  if (isOpen) extra.push("writable");
  if (mount.overlay !== undefined) {
    if (propagation !== "") flags.push(propagation);
    const operands = [destination, flags.join(","), data.join(","), extra.join(",")];
    const directories = openOverlay(mount.overlay, slots, because);
    return [stepRecord("OVERLAY", [...operands, ...directories], because)];
  }
  if (mount.type !== "bind") {
    if (propagation !== "") flags.push(propagation);
    return [
      stepRecord(
        "MOUNT",
        [mount.type, mount.source, destination, flags.join(","), data.join(","), extra.join(",")],
        because,
      ),
    ];
  }
  const slot = openSource(mount, slots, because);
  const bind = stepRecord(
    "BIND",
    [slot, destination, flags.join(","), propagation, extra.join(",")],
    because,
  );
  if (!mount.options.includes(mountOption.copyUp)) return [bind];
  return [stepRecord("COPY_UP", [destination, slot], because), bind];
}

/** After USER: gives the sources of `:U` mounts to the container's user. */
export function compileChown(mount: Mount, slots: SlotTable, because: string): PlanRecord[] {
  if (!mount.options.includes(mountOption.chown)) return [];
  return [stepRecord("CHOWN_TREE", [slots.open(mount.source, "any", because)], because)];
}
