import type { IdMappingEntry, Mount } from "../oci/runtime-spec.ts";
import { type PlanRecord, settingRecord } from "./launch-plan.ts";

/** What a slot must turn out to be. */
export type SlotKind = "dir" | "file" | "any";

/** Gives out slot numbers; equal paths share one. */
export class SlotTable {
  readonly #numbers = new Map<string, number>();
  readonly #records: PlanRecord[] = [];

  /** Has the monitor open a path of the caller; gives the operand `@N`. */
  open(path: string, kind: SlotKind, because: string): string {
    const key = `${kind}\0${path}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(key, number);
      this.#records.push(settingRecord("OPEN", [String(number), path, kind], because));
    }
    return `@${number}`;
  }

  /** Has stage 1 copy a mount of the container that is joined; for one BIND. */
  openMount(path: string, type: string, because: string): string {
    const number = this.#numbers.size;
    this.#numbers.set(`mount\0${path}`, number);
    this.#records.push(settingRecord("OPEN_MOUNT", [String(number), path, type], because));
    return `@${number}`;
  }

  /** Has stage 1 copy a mount of the host's with other ids; for one BIND. */
  openIdMapped(mount: Mount, because: string): string {
    const { source, options, uidMappings = [], gidMappings = [] } = mount;
    const number = this.#numbers.size;
    this.#numbers.set(`idmap\0${number}`, number);
    const isRecursive = options.includes("ridmap") || options.includes("rbind");
    const triples = (list: readonly IdMappingEntry[]): string[] =>
      list.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size].map(String));
    this.#records.push(
      settingRecord(
        "OPEN_IDMAPPED",
        [
          String(number),
          source,
          isRecursive ? "recursive" : "",
          String(uidMappings.length),
          ...triples(uidMappings),
          ...triples(gidMappings),
        ],
        because,
      ),
    );
    return `@${number}`;
  }

  /** The OPEN and OPEN_MOUNT settings, in the order of their numbers. */
  get records(): readonly PlanRecord[] {
    return this.#records;
  }
}
