import { runTemplate } from "./evaluate.ts";
import { parseTemplate } from "./parser.ts";

/** A compiled template. */
export type Template = (data: unknown) => string;

/**
 * Compiles what people write after `--format`: Go's text/template over plain data, with the
 * functions that Docker and Podman add.  Objects are documents with fixed fields, unless `goMap`
 * marked them.
 *
 * @throws TsmanError USAGE when it is malformed; the template when run, for a field there is not.
 */
export function compileTemplate(source: string): Template {
  const block = parseTemplate(source);
  return (data) => runTemplate(block, data);
}
