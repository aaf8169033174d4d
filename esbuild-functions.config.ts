import { createHash } from "node:crypto";
import { transform } from "esbuild";

// What src/cli/start-program.ts starts: a function expression, small, and a map to the sources beside
// it.  A start reads, copies and keeps each byte of its program: names and white space are half.

/**
 * One character beyond ASCII makes V8 keep a whole file in two bytes each, and Node decode it by the
 * slow way: regular expressions and the comments of dependencies have some.
 */
export function toAscii(text: string): string {
  const escaped = (unit: string): string =>
    `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text.replace(/[^\x00-\x7f]/g, escaped);
}

/**
 * Function expressions, strict as modules are, behind a comment that tells builds apart.
 *
 * @param programs CommonJS modules by their file names, each with an inline map to its sources.
 * @returns them, and their maps as `NAME.map` (https://tc39.es/ecma426/).
 */
export async function asFunctions(
  programs: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const small = await Promise.all(
    Object.entries(programs).map(async ([name, text]) => {
      const { code, map } = await transform(
        `(function(module,exports,require,__filename,__dirname){"use strict";${toAscii(text)}\n})`,
        {
          sourcefile: name,
          minifyWhitespace: true,
          minifyIdentifiers: true,
          // Node prints the whole line in which a program has failed.
          lineLimit: 200,
          charset: "ascii",
          legalComments: "none",
          sourcemap: "external",
          sourcesContent: false,
        },
      );
      return { name, code: toAscii(code).trimEnd().replace(/;$/, ""), map };
    }),
  );
  const hash = createHash("sha256")
    .update(JSON.stringify(small.map(({ name, code }) => [name, code])))
    .digest("hex")
    .slice(0, 32);
  return Object.fromEntries(
    small.flatMap(({ name, code, map }) => [
      [name, `//${hash}\n${code}\n`],
      // One line more before the program.
      [`${name}.map`, map.replace('"mappings": "', '"mappings": ";')],
    ]),
  );
}
