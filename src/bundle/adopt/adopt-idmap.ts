import { type MountConfig, type RuntimeConfig, refused } from "../../oci/runtime-config.ts";
import type { IdMappingEntry, Mount } from "../../oci/runtime-spec.ts";

/** crun(1), "idmap mount options". */
const custom = /^(r?idmap)=/;
const range = /^(@?)(\d{1,10})-(\d{1,10})-(\d{1,10})$/;
/** user_namespaces(7): one less than all of 32 bits. */
const mostIds = 2 ** 32 - 1;

/** How ids of a mount are mapped, and its options without crun's own way of saying that. */
export type MappedMount = Pick<Mount, "uidMappings" | "gidMappings"> & {
  readonly options: readonly string[];
};

/**
 * The mappings of a mount: its own, those of `idmap=uids=…;gids=…`, which Podman hands on to crun, or
 * those of the container where it says only that there are some.
 *
 * @returns undefined where no ids are mapped.
 * @throws TsmanError CONFIG_INVALID with the JSON pointer
 */
export function adoptIdmap(
  { uidMappings = [], gidMappings = [], options = [] }: MountConfig,
  { uidMappings: uids = [], gidMappings: gids = [] }: RuntimeConfig["linux"],
  pointer: string,
): MappedMount | undefined {
  if ((uidMappings.length === 0) !== (gidMappings.length === 0)) {
    const missing = uidMappings.length === 0 ? "uidMappings" : "gidMappings";
    throw refused(`${pointer}/${missing}`, "missing: both are needed");
  }
  const at = options.findIndex((option) => custom.test(option));
  const place = `${pointer}/options/${at}`;
  if (uidMappings.length > 0) {
    if (at >= 0) throw refused(place, "idmap= beside the mount's own mappings");
    return { uidMappings, gidMappings, options };
  }
  const own = { uidMappings: uids, gidMappings: gids };
  if (at >= 0) {
    const [word = ""] = custom.exec(options[at] ?? "") ?? [];
    const given = parseMaps((options[at] ?? "").slice(word.length), own, place);
    return { ...given, options: options.with(at, word.slice(0, -1)) };
  }
  if (!options.includes("idmap") && !options.includes("ridmap")) return undefined;
  if (uids.length === 0 || gids.length === 0) {
    throw refused(`${pointer}/options`, "idmap, and neither it nor the container maps ids");
  }
  return { ...own, options };
}

type Maps = Record<"uidMappings" | "gidMappings", readonly IdMappingEntry[]>;

/** `uids=DISK-HOST-SIZE#…;gids=…` */
function parseMaps(text: string, own: Maps, place: string): Maps {
  const found: Partial<Maps> = {};
  for (const part of text.split(";")) {
    const [, kind, ranges = ""] = /^(uids|gids)=(.*)$/.exec(part) ?? [];
    const name = kind === "uids" ? "uidMappings" : "gidMappings";
    if (kind === undefined || found[name] !== undefined) {
      throw refused(place, `${JSON.stringify(part)} is not one of uids=… and gids=…`);
    }
    found[name] = ranges.split("#").map((one) => parseRange(one, own[name], place));
  }
  const { uidMappings, gidMappings } = found;
  if (uidMappings === undefined || gidMappings === undefined) {
    throw refused(
      place,
      `${uidMappings === undefined ? "uids" : "gids"}= missing: both are needed`,
    );
  }
  return { uidMappings, gidMappings };
}

/** `@` in front: the second number is one of the container's. */
function parseRange(text: string, own: readonly IdMappingEntry[], place: string): IdMappingEntry {
  const [, isRelative, ...numbers] = range.exec(text) ?? [];
  const [containerID = 0, hostID = 0, size = 0] = numbers.map(Number);
  if (isRelative === undefined || size === 0 || Math.max(containerID, hostID) + size > mostIds) {
    const how = "[@]DISK-HOST-SIZE, in numbers, with # between several";
    throw refused(place, `${JSON.stringify(text)} is not ${how}`);
  }
  if (isRelative === "") return { containerID, hostID, size };
  const around = own.find(
    (one) => hostID >= one.containerID && hostID + size <= one.containerID + one.size,
  );
  if (around === undefined) {
    throw refused(place, `${text} is not within one range of the container's own mappings`);
  }
  return { containerID, hostID: hostID - around.containerID + around.hostID, size };
}
