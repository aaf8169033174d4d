import type { ManifestNotes } from "../../engine/types.ts";
import { list, text, texts } from "../option-spec.ts";
import { parseKeyValue } from "./key-value.ts";

/** What can be said of an entry of a manifest list. */
export const manifestNoteOptions = {
  annotation: list({ metavar: "KEY=VALUE", summary: "note this with it", parse: parseKeyValue }),
  arch: text({ metavar: "ARCH", summary: "its architecture" }),
  features: texts({ metavar: "FEATURE", summary: "what of the processor it needs" }),
  os: text({ metavar: "OS", summary: "its operating system" }),
  "os-features": texts({ metavar: "FEATURE", summary: "what of the operating system it needs" }),
  "os-version": text({ metavar: "VERSION", summary: "the version of the operating system" }),
  variant: text({ metavar: "VARIANT", summary: "the variant of the architecture: v7" }),
} as const;

/** What the options say. */
export function manifestNotes(values: {
  readonly annotation: readonly (readonly [string, string])[];
  readonly arch: string | undefined;
  readonly features: readonly string[];
  readonly os: string | undefined;
  readonly "os-features": readonly string[];
  readonly "os-version": string | undefined;
  readonly variant: string | undefined;
}): ManifestNotes {
  const words = (given: readonly string[]): readonly string[] | undefined =>
    given.length === 0 ? undefined : given.flatMap((one) => one.split(","));
  return {
    os: values.os,
    architecture: values.arch,
    variant: values.variant,
    osVersion: values["os-version"],
    osFeatures: words(values["os-features"]),
    features: words(values.features),
    annotations: Object.fromEntries(values.annotation),
  };
}
