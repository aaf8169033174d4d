import { describe, expect, test } from "vitest";
import { compileTemplate } from "../../../../src/cli/template/compile-template.ts";
import { goMap } from "../../../../src/cli/template/go-map.ts";
import { thrownError } from "../thrown-error.ts";

const data = {
  Id: "abc",
  Names: ["a", "b"],
  State: { Running: true, ExitCode: 0, Error: "" },
  Config: { Labels: goMap({ "com.example/x": "1", b: "2" }), Env: [] },
  Ports: goMap({ "80/tcp": [{ HostIp: "", HostPort: "8080" }] }, []),
  Mounts: [{ Source: "/s", Destination: "/d" }],
  Nothing: null,
  Count: 3,
  Part: 0.5,
  Label: (key: unknown) => `label ${String(key)}`,
};

const run = (template: string): string => compileTemplate(template)(data);

describe("a template", () => {
  test.each([
    // fields
    ["{{.Id}}", "abc"],
    ["{{ .Id }}!", "abc!"],
    ["{{.id}}", "abc"],
    ["{{.State.Running}} {{.State.ExitCode}}", "true 0"],
    ["{{.Names}}", "[a b]"],
    ["{{.State}}", "{true 0 }"],
    ["{{.Config.Labels}}", "map[b:2 com.example/x:1]"],
    ["{{.Ports}}", "map[80/tcp:[{ 8080}]]"],
    ["{{.Config.Labels.b}} {{.Config.Labels.missing}}", "2 <no value>"],
    ["{{.Nothing}}", "<nil>"],
    ["{{(index .Mounts 0).Source}}", "/s"],
    ['{{.Label "k"}} {{"k" | .Label}}', "label k label k"],
    // index, len, slice
    ['{{index .Config.Labels "com.example/x"}}', "1"],
    ['[{{index .Config.Labels "missing"}}]', "[]"],
    ['{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"],
    ['{{index .Ports "80/tcp" 0}} {{index .Ports "81/tcp"}}', "{ 8080} []"],
    ["{{index .Names 1}}", "b"],
    ["{{index .Id 0}}", "97"],
    ["{{len .Names}} {{len .Id}} {{len .Config.Labels}} {{len .Nothing}}", "2 3 2 0"],
    ['{{len "é"}}', "2"],
    ["{{slice .Id 1}} {{slice .Id 0 2}} {{slice .Names 1 2}} {{slice .Id 3}}", "bc ab [b] "],
    // texts
    ['{{join .Names ", "}} {{join .Id ","}}', "a, b abc"],
    ['{{split "a:b" ":"}} {{split "ab" ""}}', "[a b] [a b]"],
    ["{{.Id | upper}} {{upper .Id | lower}}", "ABC abc"],
    ['{{title "one two_three it\'s"}}', "One Two_three It'S"],
    [
      '{{truncate .Id 2}} {{truncate .Id 9}} [{{pad .Id 1 2}}] [{{pad "" 1 2}}]',
      "ab abc [ abc  ] []",
    ],
    ['{{replace "a:b:c" ":" "$&"}} {{trim " x "}}', "a$&b$&c x"],
    ["{{json .Names}} {{json .Nothing}} {{.Config.Labels.missing | json}}", '["a","b"] null null'],
    [
      "{{json .Config.Labels}} {{json .State}}",
      '{"b":"2","com.example/x":"1"} {"Running":true,"ExitCode":0,"Error":""}',
    ],
    ["{{json .Mounts}}", JSON.stringify(data.Mounts)],
    ['{{html "<a&b>"}} {{urlquery "a b&(c)"}}', "&lt;a&amp;b&gt; a+b%26%28c%29"],
    // printing
    ['{{print 1 2 "x" 3 true}}|{{print "a" "b"}}|{{println "a" 1}}', "1 2x3 true|ab|a 1\n"],
    ['{{printf "%-5s|%5s|%d" .Id .Id 3}}', "abc  |  abc|3"],
    // logic
    ["{{and 1 0}} {{and 1 2}} {{or 0 2}} {{or 0 false}} {{not true}}", "0 2 2 false false"],
    ["{{or true (index .Names 9)}} {{and false (index .Names 9)}}", "true false"],
    ['{{eq .Id "abc"}} {{eq .Id "x" "abc"}} {{ne .Id "x"}} {{eq .Count 3}}', "true true true true"],
    ["{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 1 2}}", "true true false false"],
    ['{{lt "a" "b"}} {{gt "a" "b"}} {{eq .Nothing nil}}', "true false true"],
    // if, with
    ["{{if .State.Running}}up{{else}}down{{end}}", "up"],
    ["{{if .State.ExitCode}}bad{{end}}", ""],
    ["{{if .State}}documents are true{{end}}", "documents are true"],
    ["{{if .Config.Env}}a{{else if .State.Error}}b{{else if .Names}}c{{else}}d{{end}}", "c"],
    ['{{if and .State.Running (ne .Id "x")}}yes{{end}}', "yes"],
    ["{{with .State}}{{.Running}}{{$.Id}}{{end}}", "trueabc"],
    ["{{with .Nothing}}x{{else with .Id}}{{.}}{{else}}y{{end}}", "abc"],
    ["{{with $x := .Id}}{{$x}}{{.}}{{end}}", "abcabc"],
    // range
    ["{{range .Names}}<{{.}}>{{end}}", "<a><b>"],
    ["{{range $i, $e := .Names}}{{$i}}={{$e}} {{end}}", "0=a 1=b "],
    ["{{range $e := .Names}}{{$e}}{{end}}", "ab"],
    ["{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "b=2;com.example/x=1;"],
    ["{{range .Mounts}}{{.Source}}:{{.Destination}}{{end}}", "/s:/d"],
    ["{{range .Config.Env}}x{{else}}none{{end}}", "none"],
    ["{{range .Nothing}}x{{else}}none{{end}}", "none"],
    ["{{range .Names}}{{$.Id}}{{end}}", "abcabc"],
    ["{{range 3}}{{.}}{{end}}", "012"],
    ['{{range .Names}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', "a"],
    ['{{range .Names}}{{if eq . "a"}}{{continue}}{{end}}{{.}}{{end}}', "b"],
    ["{{range .Names}}{{range $.Names}}{{.}}{{break}}{{end}}{{end}}", "aa"],
    // variables
    ["{{$x := .Id}}{{$x}} {{$x = upper $x}}{{$x}}", "abc ABC"],
    ["{{$x := 0}}{{range .Names}}{{$x = .}}{{end}}{{$x}}", "b"],
    ["{{$s := .State}}{{$s.Running}} {{$.State.ExitCode}}", "true 0"],
    ["{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"],
    ["{{$i := 0}}{{$e := 0}}{{range $i, $e = .Names}}{{end}}{{$i}}{{$e}}", "1b"],
    // literals
    ['{{"a\\"b\\n\\x41\\u00e9\\101"}} {{`raw\\n`}} {{\'a\'}}', 'a"b\nAéA raw\\n 97'],
    [
      "{{0x10}} {{1_000}} {{-3}} {{1.5}} {{0b11}} {{0o17}} {{1e3}} {{.Part}}",
      "16 1000 -3 1.5 3 15 1000 0.5",
    ],
    ["{{true}} {{false}}", "true false"],
    // text, trimming, comments
    ["a\\tb\\n", "a\tb\n"],
    ["a {{- .Id -}} b", "aabcb"],
    ["a\n {{- /* nothing */ -}} \n b", "ab"],
    ["{{/* nothing */}}x", "x"],
    ["{{- 3 -}}", "3"],
    ["plain }} {", "plain }} {"],
    ["{{.Id}}{{/* }} */}}", "abc"],
  ])("%s", (template, expected) => {
    expect(run(template)).toBe(expected);
  });

  test.each([
    ["{{.Bogus}}", "no field .Bogus; there are .Id .Names .State"],
    ["{{.State.Bogus}}", "no field .Bogus; there are .Running .ExitCode .Error"],
    ['{{index .State "Bogus"}}', "no field .Bogus; there are .Running"],
    ["{{.Id.More}}", 'no field .More in "abc"'],
    ["{{.Config.Labels.a-b}}", 'cannot read "-b": a field\'s name has no "-"'],
    ["{{.Id", "{{ is not closed"],
    ["{{", "{{ is not closed"],
    ["{{}}", "an empty action"],
    ['{{"x}}', '" is not closed'],
    ["{{/* x", "the comment {{/* is not closed"],
    ["{{/* x */ .Id}}", "a comment must fill its action"],
    ["{{if .Id}}x", "{{if}} has no {{end}}"],
    ["{{if}}x{{end}}", "nothing in if"],
    ["{{if .Id}}a{{else}}b{{else}}c{{end}}", "{{if}} has two {{else}}"],
    ["{{end}}", "{{end}} without a beginning"],
    ["{{else}}", "{{else}} without a beginning"],
    ["{{break}}", "{{break}} outside of {{range}}"],
    ['{{define "x"}}{{end}}', "{{define}} is not supported"],
    ["{{frob .Id}}", 'unknown function "frob"'],
    ["{{$x}}", 'undefined variable "$x"'],
    ["{{if .Id}}{{$x := 1}}{{end}}{{$x}}", 'undefined variable "$x"'],
    ["{{$i, $e := .Names}}", "two variables outside of {{range}}"],
    ["{{(.Id}}", "( is not closed"],
    ["{{.Id)}}", 'unexpected ")"'],
    ["{{.Id |}}", "nothing after |"],
    ["{{| .Id}}", "nothing in the action"],
    ["{{3 4}}", "3 is no function"],
    ["{{.Id | 3}}", "3 is no function"],
    ["{{.Id 3}}", ".Id takes no argument"],
    ["{{?}}", 'cannot read "?"'],
    ["{{upper}}", "upper wants 1 argument, not 0"],
    ["{{upper .Names}}", "upper wants a text, not [a b]"],
    ["{{index .Names 2}}", "index out of range: 2"],
    ['{{index .Names "a"}}', '"a" is no index'],
    ["{{index .Count 1}}", "index of 3, which is no list or map"],
    ["{{slice .Id 2 1}}", "index out of range: 2"],
    ["{{range .Id}}{{end}}", 'range over "abc", which is no list or map'],
    ["{{len .Count}}", "len of 3, which has none"],
    ["{{eq .Id 3}}", 'eq cannot compare "abc" with 3'],
    ["{{lt .Id 3}}", 'lt cannot compare "abc" with 3'],
    ["{{eq .Names .Names}}", "eq cannot compare [a b] with [a b]"],
  ])("%s is refused", (template, why) => {
    const error = thrownError(() => run(template));
    expect(error.code).toBe("USAGE");
    expect(error.message).toContain(`parse --format: ${why}`);
  });

  test.each([
    ["(".repeat(100_000), "parentheses"],
    ["{{if .Id}}".repeat(50_000), "actions"],
  ])("that has too many %.3s… in each other is refused", (nested) => {
    const source = nested.startsWith("(") ? `{{${nested}}}` : nested;
    expect(thrownError(() => run(source)).message).toContain("nested too deeply");
  });

  test("that calls a function there is not, lists those there are", () => {
    expect(thrownError(() => run("{{id}}")).hint).toMatch(
      /\{\{\.id\}\}; functions are: .*\bupper\b/,
    );
  });

  test("does not reach what the data has inherited", () => {
    expect(thrownError(() => run("{{.constructor}}")).code).toBe("USAGE");
    expect(run('{{index .Config.Labels "toString"}}{{.Config.Labels.constructor}}')).toBe(
      "<no value>",
    );
  });

  test("is compiled once and run over many data", () => {
    const template = compileTemplate("{{$x := .}}{{range $x}}{{.}}{{end}};");
    expect([template([1, 2]), template([])]).toEqual(["12;", ";"]);
  });
});
