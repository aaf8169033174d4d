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

interface SortedOptions {
  readonly flags: string[];
  readonly propagation: string;
  readonly data: readonly string[];
  readonly extra: readonly string[];
}

function sortOptions(options: readonly string[]): SortedOptions {
  const flags: string[] = [];
  const data: string[] = [];
  const extra: string[] = [];
  let propagation = "";
  const hasOwnFlags = options.includes(mountOption.top);
  for (const option of options) {
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

/** A flag's opposite takes it away here, `rw` as well. */
function changeMount({ destination, options }: Mount, because: string): PlanRecord {
  const isFlag = (option: string): boolean =>
    option === "rw" ||
    flagOptions.has(option) ||
    clearingOptions.has(option) ||
    recursiveOption.test(option);
  const propagation = options.findLast((option) => propagationTypes.has(option)) ?? "";
  const flags = options.filter(isFlag).join(",");
  return stepRecord("CHANGE_MOUNT", [destination, flags, propagation], because);
}

/** The steps of one mount of the OCI configuration. */
export function compileMount(mount: Mount, slots: SlotTable, because: string): PlanRecord[] {
  const { destination } = mount;
  if (mount.options.includes(mountOption.change)) return [changeMount(mount, because)];
  const { flags, propagation, data, extra } = sortOptions(mount.options);
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
