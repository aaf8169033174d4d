/**
 * The fields of one line of comma-separated values (RFC 4180): a field in double quotes may hold
 * commas, and a quote written twice.
 *
 * @returns undefined if a quote is not closed or stands where none may.
 */
export function splitCsv(line: string): readonly string[] | undefined {
  const fields: string[] = [];
  let rest = line;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/.exec(rest);
    if (match === null) return undefined;
    fields.push(match[1] === undefined ? (match[2] ?? "") : match[1].replaceAll('""', '"'));
    if (match[3] === "") return fields;
    rest = rest.slice(match[0].length);
  }
}
