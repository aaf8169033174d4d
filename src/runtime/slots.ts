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

  /** The OPEN settings, in the order of their numbers. */
  get records(): readonly PlanRecord[] {
    return this.#records;
  }
}
