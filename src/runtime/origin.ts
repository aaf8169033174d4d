import type { Bundle } from "../bundle/bundle.ts";

/**
 * What asked for the part of a configuration behind a JSON pointer (RFC 6901); missing: a default.
 *
 * @param origins undefined: of somebody else's configuration, in which each part asks for itself.
 */
export function originOf(origins: Bundle["origins"], pointer: string): string {
  return origins === undefined ? pointer : (origins[pointer] ?? "default");
}
