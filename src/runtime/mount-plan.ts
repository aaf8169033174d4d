import { type Mount, mountOption, propagationTypes } from "../oci/runtime-spec.ts";
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
]);
/** The kernel's default: nothing to say. */
const defaultOptions: ReadonlySet<string> = new Set([
  "rw",
  "suid",
  "dev",
  "exec",
  "async",
  "bind",
  "defaults",
]);
const extras: ReadonlyMap<string, string> = new Map([
  [mountOption.nosymlink, "nosymlink"],
  [mountOption.optional, "optional"],
  ["tmpcopyup", "tmpcopyup"],
]);
const handledElsewhere: ReadonlySet<string> = new Set([
  mountOption.copyUp,
  mountOption.chown,
  mountOption.joined,
]);

interface SortedOptions {
  readonly flags: readonly string[];
  readonly propagation: string;
  readonly data: readonly string[];
  readonly extra: readonly string[];
}

function sortOptions(options: readonly string[]): SortedOptions {
  const flags: string[] = [];
  const data: string[] = [];
  const extra: string[] = [];
  let propagation = "";
  for (const option of options) {
    const known = extras.get(option);
    if (known !== undefined) extra.push(known);
    else if (flagOptions.has(option) || option === "rbind") flags.push(option);
    else if (propagationTypes.has(option)) propagation = option;
    else if (!defaultOptions.has(option) && !handledElsewhere.has(option)) data.push(option);
  }
  return { flags, propagation, data, extra };
}

/** The steps of one mount of the OCI configuration. */
export function compileMount(mount: Mount, slots: SlotTable, because: string): PlanRecord[] {
  const { flags, propagation, data, extra } = sortOptions(mount.options);
  const { destination } = mount;
  if (mount.type !== "bind") {
    return [
      stepRecord(
        "MOUNT",
        [mount.type, mount.source, destination, flags.join(","), data.join(","), extra.join(",")],
        because,
      ),
    ];
  }
  const slot = mount.options.includes(mountOption.joined)
    ? slots.openMount(mount.source, "tmpfs", because)
    : slots.open(mount.source, "any", because);
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
