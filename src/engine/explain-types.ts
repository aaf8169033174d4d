import type { CreateIo } from "./session-types.ts";

/** What an explanation needs besides the options. */
export type ExplainIo = Pick<CreateIo, "lockFile">;

/** What would be done, and why: `tsman run --explain`. */
export interface ExplainDocument {
  /** In the order in which it would be done. */
  readonly sections: readonly ExplainSection[];
}

/** A kind of thing: "namespaces", "id mapping", "mounts" … */
export interface ExplainSection {
  readonly title: string;
  readonly entries: readonly ExplainEntry[];
}

/** One thing, with the option, image field or rule that asked for it. */
export interface ExplainEntry {
  readonly what: string;
  readonly because: string;
  /** The same as data, for machines. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** A document that JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The facts of `tsman info`: nested sections of plain values. */
export type InfoDocument = { readonly [section: string]: JsonValue };
