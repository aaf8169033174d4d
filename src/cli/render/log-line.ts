import type { ContainerLogLine } from "../../engine/types.ts";

/** The program's own bytes, untouched, behind a prefix: a log is data. */
export function logLineBytes(line: ContainerLogLine, prefix: string): Uint8Array {
  return Buffer.concat([Buffer.from(prefix), line.text, Buffer.from(line.isPartial ? "" : "\n")]);
}

/** As Podman and Docker write UTC; a log has `+00:00`. */
export function shownTime({ time }: ContainerLogLine): string {
  return time.replace(/\+00:00$/, "Z");
}

/** Foreground colours that are readable on black and on white: ECMA-48, SGR 31 to 36. */
const colours = [36, 33, 32, 35, 34, 31];

/** What stands before each line where several containers share an output: id or name. */
export function logPrefixes(
  containers: readonly { readonly id: string; readonly name: string }[],
  style: { readonly names: boolean; readonly color: boolean },
): readonly string[] {
  return containers.map(({ id, name }, index) => {
    const text = style.names ? name : id.slice(0, 12);
    const colour = colours[index % colours.length] ?? 0;
    return style.color ? `\x1b[${colour}m${text}\x1b[0m ` : `${text} `;
  });
}
