import type { Output } from "../output.ts";
import { escapeCell, escapeControls, printableJson } from "./escape.ts";
import { renderTable } from "./table.ts";
import { compileTemplate } from "./template.ts";

/** One row: what tables and templates see, and what JSON says. */
export interface ListingRow {
  /** Fields by their template name: `ID`, `Names`; functions are methods. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly json: unknown;
}

/** How a list is printed. */
export interface ListingStyle {
  /** `--format`: "json", "table …", or a template; missing: the table below. */
  readonly format: string | undefined;
  /** `-q`: this field only. */
  readonly quietField: string | undefined;
  readonly noHeading: boolean;
  /** Columns of the table: heading and field. */
  readonly columns: readonly (readonly [heading: string, field: string])[];
}

/** Prints a list in the way that the options ask for. */
export function printListing(
  rows: readonly ListingRow[],
  style: ListingStyle,
  stdout: Output,
): void {
  const { format, quietField } = style;
  if (quietField !== undefined) {
    const seen = new Set(rows.map((row) => cell(row.fields[quietField])));
    for (const value of seen) stdout.write(`${value}\n`);
    return;
  }
  if (format === "json" || format === "{{json .}}" || format === "{{ json . }}") {
    stdout.write(`${printableJson(rows.map((row) => row.json))}\n`);
    return;
  }
  if (format !== undefined && format !== "table" && !format.startsWith("table ")) {
    const template = compileTemplate(format);
    for (const row of rows) {
      const line = template(row.fields);
      stdout.write(`${stdout.isTerminal ? escapeControls(line) : line}\n`);
    }
    return;
  }
  if (format?.startsWith("table ") === true) {
    printTemplateTable(rows, format.slice("table ".length), style, stdout);
    return;
  }
  const header = style.noHeading ? undefined : style.columns.map(([heading]) => heading);
  const cells = rows.map((row) => style.columns.map(([, field]) => cell(row.fields[field])));
  stdout.write(renderTable(header, cells, stdout.isTerminal));
}

/** `table {{.ID}}\t{{.Names}}`: columns at tabs, headings from the fields' names. */
function printTemplateTable(
  rows: readonly ListingRow[],
  source: string,
  style: ListingStyle,
  stdout: Output,
): void {
  const columns = source.replaceAll("\\t", "\t").split("\t");
  const templates = columns.map(compileTemplate);
  const header = columns.map((column) => {
    const field = /\.(\w+)/.exec(column)?.[1] ?? column;
    const known = style.columns.find(([, name]) => name.toLowerCase() === field.toLowerCase());
    return known?.[0] ?? field.toUpperCase();
  });
  const cells = rows.map((row) => templates.map((template) => template(row.fields)));
  stdout.write(renderTable(style.noHeading ? undefined : header, cells, stdout.isTerminal));
}

function cell(value: unknown): string {
  if (Array.isArray(value)) return value.join(", ");
  return value === undefined || value === null ? "" : String(value as string | number | boolean);
}

/** A document by `--format`: JSON unless a template is given. */
export function printDocument(document: unknown, format: string | undefined, stdout: Output): void {
  if (format === undefined || format === "json") {
    // JSON itself escapes C0; the rest must not paint over a terminal either.
    const text = JSON.stringify(document, null, 4);
    stdout.write(`${stdout.isTerminal ? escapeControls(text) : text}\n`);
    return;
  }
  const line = compileTemplate(format)(document);
  stdout.write(`${stdout.isTerminal ? escapeControls(line) : line}\n`);
}

/** One word of an image, container or label for a line of output. */
export function shown(text: string, output: Output): string {
  return output.isTerminal ? escapeCell(text) : text;
}
