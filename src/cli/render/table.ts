import { escapeCell } from "./escape.ts";

/** Narrower columns look ragged; Podman's tables have the same floor. */
const minWidth = 12;
const gap = 2;

/**
 * Rows in aligned columns.
 *
 * @param header missing: none is printed.
 */
export function renderTable(
  header: readonly string[] | undefined,
  rows: readonly (readonly string[])[],
  isTerminal: boolean,
): string {
  const all = (header === undefined ? rows : [header, ...rows]).map((row) =>
    isTerminal ? row.map(escapeCell) : row,
  );
  const count = Math.max(0, ...all.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(minWidth, ...all.map((row) => displayWidth(row[column] ?? "") + gap)),
  );
  return all
    .map((row) => {
      const cells = row.map((cell, column) =>
        column === row.length - 1
          ? cell
          : cell + " ".repeat((widths[column] ?? 0) - displayWidth(cell)),
      );
      return `${cells.join("")}\n`;
    })
    .join("");
}

/** Characters, counted as people do, not as UTF-16 does. */
function displayWidth(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : [...text].length;
}
