/** What a map gives for a key that it does not have, by map. */
const zeros = new WeakMap<object, unknown>();

/**
 * Marks an object as a map in Go's sense: its keys are the user's (labels, ports), so that a
 * template may ask for one that is not there.  Every other object is a document with fixed fields,
 * where that is a mistake to be told.
 *
 * @param zero what `index` gives for a missing key: Go's zero value of the map's elements.
 */
export function goMap<T extends object>(entries: T, zero: unknown = ""): T {
  zeros.set(entries, zero);
  return entries;
}

/** Whether {@link goMap} marked it. */
export function isGoMap(value: object): boolean {
  return zeros.has(value);
}

/** The zero value of a marked map's elements. */
export function zeroOf(map: object): unknown {
  return zeros.get(map);
}

/** Fields that a document has although its JSON leaves them out, by document. */
const hidden = new WeakMap<object, Readonly<Record<string, unknown>>>();

/**
 * Says which fields a document has besides those that it shows: Go's `omitempty` keeps empty ones
 * out of JSON, and a template may ask for them all the same.
 */
export function goDocument<T extends object>(
  document: T,
  omitted: Readonly<Record<string, unknown>>,
): T {
  hidden.set(document, omitted);
  return document;
}

/** The fields that {@link goDocument} added. */
export function hiddenFields(document: object): Readonly<Record<string, unknown>> {
  return hidden.get(document) ?? {};
}

/**
 * Go's nil slice: `null` in JSON, and in a template what it is to Go, a list without elements.
 */
export function nilSlice(): readonly never[] {
  return asNull([]);
}

/** Go's nil map, likewise. */
export function nilMap(): object {
  return asNull(goMap({}));
}

function asNull<T extends object>(value: T): T {
  return Object.defineProperty(value, "toJSON", { value: () => null });
}
