import type { Output } from "../output.ts";
import type { Template } from "../template/compile-template.ts";
import { escapeCell, escapeControls, printableJson } from "./escape.ts";
import { renderTable } from "./table.ts";

/** One row: what tables and templates see, and what JSON says; either may be made when it is asked. */
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
  /** With `-q`: a value of several rows is printed as often; missing: once. */
  readonly hasRepeated?: boolean | undefined;
  readonly noHeading: boolean;
  /** Columns of the table: heading and field. */
  readonly columns: readonly (readonly [heading: string, field: string])[];
  /** Headings of fields in a `table …` that no column has; missing: from the field's name. */
  readonly headings?: Readonly<Record<string, string>> | undefined;
}

/** Prints a list in the way that the options ask for; `json` goes before `-q`, as with Podman. */
export async function printListing(
  rows: readonly ListingRow[],
  style: ListingStyle,
  stdout: Output,
): Promise<void> {
  const { format, quietField } = style;
  if (isJsonFormat(format)) {
    stdout.write(`${printableJson(rows.map((row) => row.json))}\n`);
    return;
  }
  if (quietField !== undefined) {
    const cells = rows.map((row) => cell(row.fields[quietField]));
    const printed = style.hasRepeated === true ? cells : [...new Set(cells)];
    stdout.write(printed.map((value) => `${value}\n`).join(""));
    return;
  }
  if (format === undefined || format === "table") {
    const header = style.noHeading ? undefined : style.columns.map(([heading]) => heading);
    const cells = rows.map(({ fields }) => style.columns.map(([, field]) => cell(fields[field])));
    stdout.write(renderTable(header, cells, stdout.isTerminal));
    return;
  }
  const { compileTemplate } = await import("../template/compile-template.ts");
  if (/^table\s/.test(format)) {
    const source = format.slice("table".length).trim();
    printTemplateTable(rows, source, compileTemplate, style, stdout);
    return;
  }
  const lines = isOverList(format)
    ? [line(compileTemplate(format)(rows.map((row) => row.fields)), format)]
    : rows.map(
        (
          (template) => (row) =>
            line(template(row.fields), format)
        )(compileTemplate(format)),
      );
  const text = lines.join("");
  stdout.write(stdout.isTerminal ? escapeControls(text) : text);
}

/** Whether a `--format` asks for the JSON document: `json`, `{{json .}}` or `{{json}}`. */
export function isJsonFormat(format: string | undefined): boolean {
  return format !== undefined && /^\s*(?:json|\{\{\s*json\s*\.?\s*\}\})\s*$/.test(format);
}

/** Podman runs a template that begins so once, over all rows. */
function isOverList(format: string): boolean {
  return /^\s*\{\{-?\s*range\s+(?:\$\w*\s*(?:,\s*\$\w*\s*)?:=\s*)?\.\s*-?\}\}/.test(format);
}

/** A line's newline, unless the template ends in one. */
function line(text: string, format: string): string {
  return /(?:\\n|\n)\s*$/.test(format) ? text : `${text}\n`;
}

/** In text, a tab ends a cell; a value may hold one, this it cannot. */
const cellEnd = "\0";

/** `table {{.ID}}\t{{.Names}}`: columns at tabs and between actions, headings from the fields. */
function printTemplateTable(
  rows: readonly ListingRow[],
  source: string,
  compileTemplate: (source: string) => Template,
  style: ListingStyle,
  stdout: Output,
): void {
  const columns = source
    .replace(/(?:\\n|\n)\s*$/, "")
    .replaceAll("}} {{", "}}\t{{")
    .replaceAll(/(?:\\t|\t)/g, "\t");
  const pieces = columns.split(/\t(?![^{]*\}\})/);
  const template = compileTemplate(pieces.join(cellEnd));
  const cells = rows.map((row) => template(row.fields).split(cellEnd));
  const header = pieces.map((piece) => headingOf(piece, style));
  stdout.write(renderTable(style.noHeading ? undefined : header, cells, stdout.isTerminal));
}

function headingOf(piece: string, style: ListingStyle): string {
  const label = /\.Label\s+"([^"]*)"/.exec(piece)?.[1];
  if (label !== undefined) return label;
  const field = /\.(\w+)/.exec(piece)?.[1];
  if (field === undefined) return piece.replaceAll(/\{\{.*?\}\}/g, "").toUpperCase();
  const column = style.columns.find(([, name]) => name.toLowerCase() === field.toLowerCase());
  const heading = column?.[0] ?? style.headings?.[field];
  return heading ?? field.replaceAll(/([a-z])(?=[A-Z])/g, "$1 ").toUpperCase();
}

function cell(value: unknown): string {
  if (Array.isArray(value)) return value.join(", ");
  return value === undefined || value === null ? "" : String(value as string | number | boolean);
}

/** A document by `--format`: JSON unless a template is given. */
export async function printDocument(
  document: unknown,
  format: string | undefined,
  stdout: Output,
): Promise<void> {
  if (format === undefined || isJsonFormat(format)) {
    stdout.write(`${printableJson(document)}\n`);
    return;
  }
  const { compileTemplate } = await import("../template/compile-template.ts");
  const text = line(compileTemplate(format)(document), format);
  stdout.write(stdout.isTerminal ? escapeControls(text) : text);
}

/** One word of an image, container or label for a line of output. */
export function shown(text: string, output: Output): string {
  return output.isTerminal ? escapeCell(text) : text;
}
