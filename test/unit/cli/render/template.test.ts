import { describe, expect, test } from "vitest";
import { compileTemplate } from "../../../../src/cli/render/template.ts";
import { thrownError } from "../thrown-error.ts";

const data = {
  Id: "abc",
  Names: ["a", "b"],
  State: { Running: true, ExitCode: 0 },
  Config: { Labels: { "com.example/x": "1" }, Env: [] },
  Mounts: [{ Source: "/s", Destination: "/d" }],
  Nothing: null,
  Label: (key: unknown) => `label ${String(key)}`,
};

describe("a template", () => {
  test.each([
    ["{{.Id}}", "abc"],
    ["{{ .Id }}!", "abc!"],
    ["{{.id}}", "abc"],
    ["{{.State.Running}} {{.State.ExitCode}}", "true 0"],
    ["{{json .Names}}", '["a","b"]'],
    ["{{json .}}", JSON.stringify(data)],
    ["{{.Names}}", "[a b]"],
    ["{{.Config.Labels}}", "map[com.example/x:1]"],
    ['{{index .Config.Labels "com.example/x"}}', "1"],
    ["{{index .Names 1}}", "b"],
    ["{{len .Names}}", "2"],
    ['{{join .Names ", "}}', "a, b"],
    ["{{.Id | upper}}", "ABC"],
    ['{{printf "%-5s|%d" .Id 3}}', "abc  |3"],
    ["{{range .Names}}<{{.}}>{{end}}", "<a><b>"],
    ["{{range .Mounts}}{{.Source}}:{{.Destination}}{{end}}", "/s:/d"],
    ["{{range .Config.Env}}x{{else}}none{{end}}", "none"],
    ["{{range .Names}}{{$.Id}}{{end}}", "abcabc"],
    ["{{if .State.Running}}up{{else}}down{{end}}", "up"],
    ["{{if .State.ExitCode}}bad{{end}}", ""],
    ['{{if eq .Id "abc"}}yes{{end}}', "yes"],
    ['{{if and .State.Running (ne .Id "x")}}yes{{end}}', "yes"],
    ["{{(index .Mounts 0).Source}}", "/s"],
    ['{{.Label "k"}}', "label k"],
    ["{{.Nothing}}", "<nil>"],
    ["a\\tb\\n", "a\tb\n"],
    ["a {{- .Id -}} b", "aabcb"],
    ["{{/* nothing */}}x", "x"],
    ["plain", "plain"],
  ])("%s", (template, expected) => {
    expect(compileTemplate(template)(data)).toBe(expected);
  });

  test.each([
    ["{{.Bogus}}", "no field .Bogus"],
    ["{{.Id.More}}", "no field .More in abc"],
    ["{{.Id", "{{ is not closed"],
    ["{{}}", "an empty action"],
    ["{{if .Id}}x", "{{if}} has no {{end}}"],
    ["{{end}}", "{{end}} without a beginning"],
    ["{{frob .Id}}", 'unknown function "frob"'],
    ["{{(.Id}}", "( is not closed"],
    ["{{.Id |}}", "nothing after |"],
    ["{{?}}", 'cannot read "?"'],
  ])("%s is refused", (template, why) => {
    const error = thrownError(() => compileTemplate(template)(data));
    expect(error.code).toBe("USAGE");
    expect(error.message).toContain(`parse --format: ${why}`);
  });

  test("does not reach what the data has inherited", () => {
    expect(thrownError(() => compileTemplate("{{.constructor}}")(data)).code).toBe("USAGE");
    expect(compileTemplate('{{index .Config.Labels "toString"}}')(data)).toBe("<no value>");
  });
});
