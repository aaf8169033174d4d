// What a value of a JSON document has to look like, for documents that are read in a start: zod takes
// a millisecond to load and 25 µs for each schema, and config.json has some hundred members.  Only
// the first fault is looked for.

/** Gives the value as it is to be used; throws {@link Misshapen}. */
export type Shape<T> = (value: unknown) => T;

/** What a shape gives. */
export type Shaped<Of extends Shape<unknown>> = ReturnType<Of>;

/** A value that is not what it should be. */
export class Misshapen extends Error {
  /** Names and indices that lead to it from the document, outermost first. */
  readonly path: (string | number)[] = [];
}

export const anything: Shape<unknown> = (value) => value;

export const text: Shape<string> = (value) => {
  if (typeof value === "string") return value;
  throw new Misshapen("should be of type string");
};

export const flag: Shape<boolean> = (value) => {
  if (typeof value === "boolean") return value;
  throw new Misshapen("should be of type boolean");
};

/** A number that is exact; those beyond 2^53 are not. */
export function integer(
  least: number = Number.MIN_SAFE_INTEGER,
  most: number = Number.MAX_SAFE_INTEGER,
): Shape<number> {
  return (value) => {
    if (typeof value !== "number") throw new Misshapen("should be of type number");
    if (!Number.isSafeInteger(value)) throw new Misshapen("is no whole number below 2^53");
    if (value >= least && value <= most) return value;
    throw new Misshapen(value < least ? `is less than ${least}` : `is more than ${most}`);
  };
}

/** Any number from 0, also one that is not exact. */
export const natural: Shape<number> = (value) => {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new Misshapen("should be of type number");
  }
  if (value < 0) throw new Misshapen("is less than 0");
  // As a double the highest of 64 bits is this one.
  if (value > 2 ** 64) throw new Misshapen("is more than 64 bits hold");
  return value;
};

/** What else has to hold of a value; `why` says that it does not. */
export function such<T>(shape: Shape<T>, holds: (value: T) => boolean, why: string): Shape<T> {
  return (value) => {
    const read = shape(value);
    if (holds(read)) return read;
    throw new Misshapen(why);
  };
}

/** One of these words. */
export function oneOf(words: readonly string[]): Shape<string> {
  return such(text, (word) => words.includes(word), "is not known");
}

export function list<T>(element: Shape<T>): Shape<T[]> {
  return (value) => {
    if (!Array.isArray(value)) throw new Misshapen("should be of type array");
    return value.map((each, index) => within(index, element, each));
  };
}

/** An object with any names; a member that is null counts as missing (see {@link members}). */
export function map<T>(name: Shape<string>, element: Shape<T>): Shape<Record<string, T>> {
  return (value) => {
    // A member called `__proto__` is data here and nothing else (case S65).
    const read = Object.create(null) as Record<string, T>;
    for (const [key, member] of Object.entries(objectOf(value))) {
      if (member === null) continue;
      read[within(key, name, key)] = within(key, element, member);
    }
    return read;
  };
}

type Members = Readonly<Record<string, Shape<unknown>>>;

type Values<Required extends Members, Optional extends Members> = {
  [Name in keyof Required]: Shaped<Required[Name]>;
} & { [Name in keyof Optional]?: Shaped<Optional[Name]> | undefined };

/**
 * An object of which the members that are named here are read, and no others.  One that is null
 * counts as missing: programs in Go write a missing list so.
 */
export function members<Required extends Members, Optional extends Members>(
  required: Required,
  optional: Optional,
): Shape<Values<Required, Optional>> {
  return (value) => {
    const given = objectOf(value);
    const read: Record<string, unknown> = {};
    for (const name of Object.keys(required)) {
      read[name] = within(name, required[name] as Shape<unknown>, given[name] ?? undefined);
    }
    for (const name of Object.keys(optional)) {
      const member = given[name] ?? undefined;
      if (member === undefined) continue;
      read[name] = within(name, optional[name] as Shape<unknown>, member);
    }
    return read as Values<Required, Optional>;
  };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new Misshapen("should be of type object");
}

function within<T>(name: string | number, shape: Shape<T>, value: unknown): T {
  try {
    return shape(value);
  } catch (error) {
    if (error instanceof Misshapen) error.path.unshift(name);
    throw error;
  }
}
