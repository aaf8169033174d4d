/** Takes down, while a configuration is made, what asked for each part of it. */
export class Origins {
  readonly #entries: Record<string, string> = {};

  /** Notes the reason of the value at a JSON pointer. */
  note(pointer: string, because: string): void {
    this.#entries[pointer] = because;
  }

  /** Strips the reasons off a list, noting each under `pointer/index`. */
  list<Item extends object>(
    pointer: string,
    items: readonly (Item & { readonly because: string })[],
  ): Omit<Item, "because">[] {
    return items.map(({ because, ...item }, index) => {
      this.note(`${pointer}/${index}`, because);
      return item;
    });
  }

  /** All reasons, by pointer. */
  get entries(): Readonly<Record<string, string>> {
    return this.#entries;
  }
}

/** A key as a segment of a JSON pointer: RFC 6901, section 3. */
export function pointerSegment(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
