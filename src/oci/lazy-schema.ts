import * as z from "zod/mini";

// Schemas that are made when a value comes for them.  A schema of zod takes some 25 µs to make, and a
// document as large as config.json has hundreds of members, of which each has a few.

/** Gives a schema, always the same. */
export type LazySchema<T> = () => z.ZodMiniType<T>;

/** What a lazy schema reads. */
export type Parsed<Lazy extends () => z.ZodMiniType> = z.infer<ReturnType<Lazy>>;

/** A schema that is made once. */
export function once<T>(make: LazySchema<T>): LazySchema<T> {
  let made: z.ZodMiniType<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** An array of what a schema reads. */
export function list<T>(element: LazySchema<T>): LazySchema<T[]> {
  return once(() => z.array(element()));
}

/** An object with any names, whose values a schema reads. */
export function map<T>(
  name: LazySchema<string>,
  value: LazySchema<T>,
): LazySchema<Record<string, T>> {
  return once(() => z.record(name() as z.ZodMiniType<string, string>, value()));
}

type Members = Readonly<Record<string, () => z.ZodMiniType>>;

type Values<Required extends Members, Optional extends Members> = {
  [Name in keyof Required]: Parsed<Required[Name]>;
} & { [Name in keyof Optional]?: Parsed<Optional[Name]> | undefined };

/** An object of which the members that are named here are read, and no others. */
export function members<Required extends Members, Optional extends Members>(
  required: Required,
  optional: Optional,
): LazySchema<Values<Required, Optional>> {
  return once(() =>
    z.transform((value: unknown, { issues }) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        issues.push({ code: "invalid_type", expected: "object", input: value });
        return z.NEVER;
      }
      const read: Record<string, unknown> = {};
      const readMember = (name: string, member: unknown, schema: z.ZodMiniType): void => {
        const { success, data, error } = z.safeParse(schema, member);
        if (success) read[name] = data;
        for (const { path, ...issue } of error?.issues ?? []) {
          issues.push({ ...issue, path: [name, ...path] } as (typeof issues)[number]);
        }
      };
      const given = value as Readonly<Record<string, unknown>>;
      for (const name of Object.keys(required)) {
        readMember(name, given[name], (required[name] as Required[string])());
      }
      for (const name of Object.keys(optional)) {
        const member = given[name];
        if (member !== undefined) {
          readMember(name, member, (optional[name] as Optional[string])());
        }
      }
      return read as Values<Required, Optional>;
    }),
  );
}
