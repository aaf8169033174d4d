import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileTemplate } from "../../../../src/cli/template/compile-template.ts";
import { goMap } from "../../../../src/cli/template/go-map.ts";
import { isTsmanError } from "../../../../src/errors/index.ts";

const run = (template: string, data: unknown): string => compileTemplate(template)(data);

/** A text of whole characters, as a template that came through UTF-8 is. */
const text = fc.string({ unit: "binary" });

describe("for all data, a template", () => {
  test("prints text without actions as it is", () => {
    fc.assert(
      fc.property(text, (plain) => {
        fc.pre(!plain.includes("{{") && !plain.includes("\\t") && !plain.includes("\\n"));
        expect(run(plain, {})).toBe(plain);
      }),
    );
  });

  test("gives any document back as JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (document) => {
        expect(JSON.parse(run("{{json .}}", document))).toEqual(
          JSON.parse(JSON.stringify(document)),
        );
      }),
    );
  });

  test("reads back what %q has quoted", () => {
    fc.assert(
      fc.property(text, (value) => {
        const quoted = run('{{printf "%q" .}}', value);
        expect(run(`{{${quoted}}}`, {})).toBe(value);
      }),
    );
  });

  test("finds every key of a map, and nothing else", () => {
    fc.assert(
      fc.property(fc.dictionary(text, text), text, (map, other) => {
        const data = { Map: goMap(map) };
        for (const key of [...Object.keys(map), other]) {
          const expected = Object.hasOwn(map, key) ? map[key] : "";
          expect(run(`{{index .Map ${JSON.stringify(key)}}}`, data)).toBe(expected);
        }
      }),
    );
  });

  test("prints each element of a list, in order", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1 }), (list) => {
        expect(run("{{range .}}{{.}},{{end}}", list)).toBe(list.map((one) => `${one},`).join(""));
        expect(run('{{join . ","}}', list)).toBe(list.join(","));
        expect(run("{{range $i, $e := .}}{{index $ $i | eq $e}}{{end}}", list)).toBe(
          "true".repeat(list.length),
        );
      }),
    );
  });

  test("orders numbers and texts totally", () => {
    const pair = fc.oneof(fc.tuple(fc.integer(), fc.integer()), fc.tuple(text, text));
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const holds = ["lt", "eq", "gt"].filter(
          (name) => run(`{{${name} (index . 0) (index . 1)}}`, [a, b]) === "true",
        );
        expect(holds).toHaveLength(1);
        expect(run("{{le (index . 0) (index . 1)}}", [a, b])).toBe(String(holds[0] !== "gt"));
      }),
    );
  });

  test("fails with an error for the user, or not at all", () => {
    const part = fc.constantFrom(
      ..."{{ }} {{- -}} . $ $x := = | ( ) , .A .B.C .L .M range if else with end break continue and or".split(
        " ",
      ),
      ...'index len slice printf join json eq lt not nil true "%5d" "a" `b` 1 -1 0x 1.5 \'c\' /* */ \\ " text'.split(
        " ",
      ),
      ..."{{range .L}} {{else}} {{end}} {{if .A}} {{with .M}} {{.A}} {{$x := .L}} {{break}}".split(
        "|",
      ),
      " ",
    );
    const data = { A: "a", B: { C: 1 }, L: [1, "b", null], M: goMap({ a: "1" }) };
    fc.assert(
      fc.property(fc.array(part, { maxLength: 14 }), (parts) => {
        try {
          expect(typeof run(parts.join(" "), data)).toBe("string");
        } catch (error) {
          if (!isTsmanError(error, "USAGE")) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
