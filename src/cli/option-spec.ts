/** An option without a value: `--rm`, `--rm=false`. */
export interface FlagSpec {
  readonly kind: "flag";
  readonly char?: string | undefined;
  readonly summary: string;
  /** What it is when not given; missing: false. */
  readonly default?: boolean | undefined;
  readonly aliases?: readonly string[] | undefined;
}

/** An option with one value; given twice, the last one counts. */
export interface ValueSpec<T> {
  readonly kind: "value";
  readonly char?: string | undefined;
  /** The value in help: `SIZE`. */
  readonly metavar: string;
  readonly summary: string;
  /** `--explain` alone means `--explain=THIS`; a value must then be joined by `=`. */
  readonly bare?: string | undefined;
  readonly aliases?: readonly string[] | undefined;
  /** @throws TsmanError through the parsers of ./options, which name the option. */
  readonly parse: (text: string, option: string) => T;
}

/** An option that may be repeated, each time adding a value. */
export interface ListSpec<T> {
  readonly kind: "list";
  readonly char?: string | undefined;
  readonly metavar: string;
  readonly summary: string;
  readonly aliases?: readonly string[] | undefined;
  readonly parse: (text: string, option: string) => T;
}

/**
 * An option that Podman or Docker has and tsman refuses, with the reason: never ignored, unless it asks
 * for nothing.
 */
export interface UnsupportedSpec {
  readonly kind: "unsupported";
  readonly char?: string | undefined;
  readonly takesValue: boolean;
  /** Completes "is not supported: …". */
  readonly reason: string;
  /** What to do instead. */
  readonly hint: string;
  /** Values that ask for what happens anyway: these are taken. */
  readonly accepted?: readonly string[] | undefined;
  readonly aliases?: readonly string[] | undefined;
}

export type OptionSpec = FlagSpec | ValueSpec<unknown> | ListSpec<unknown> | UnsupportedSpec;

/**
 * A command's options by long name: the one table from which splitting, oclif's flags, help and
 * suggestions are derived.
 */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** What parsing gives for one option. */
export type OptionValue<S extends OptionSpec> = S extends FlagSpec
  ? boolean
  : S extends ValueSpec<infer T>
    ? T | undefined
    : S extends ListSpec<infer T>
      ? readonly T[]
      : never;

/** What parsing gives for a table. */
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T as T[K] extends UnsupportedSpec ? never : K]: OptionValue<T[K]>;
};

/** Declares a {@link FlagSpec}. */
export function flag(spec: Omit<FlagSpec, "kind">): FlagSpec {
  return { kind: "flag", ...spec };
}

/** Declares a {@link ValueSpec} whose value is taken as written. */
export function text(spec: Omit<ValueSpec<string>, "kind" | "parse">): ValueSpec<string> {
  return { kind: "value", parse: (value) => value, ...spec };
}

/** Declares a {@link ValueSpec}. */
export function value<T>(spec: Omit<ValueSpec<T>, "kind">): ValueSpec<T> {
  return { kind: "value", ...spec };
}

/** Declares a {@link ListSpec}. */
export function list<T>(spec: Omit<ListSpec<T>, "kind">): ListSpec<T> {
  return { kind: "list", ...spec };
}

/** Declares a {@link ListSpec} whose values are taken as written. */
export function texts(spec: Omit<ListSpec<string>, "kind" | "parse">): ListSpec<string> {
  return { kind: "list", parse: (item) => item, ...spec };
}
