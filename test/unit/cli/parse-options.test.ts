import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flag, list, text, texts, value } from "../../../src/cli/option-spec.ts";
import { integer } from "../../../src/cli/options/scalars.ts";
import { parseOptions } from "../../../src/cli/parse-options.ts";
import { rejectedError } from "./thrown-error.ts";

const table = {
  rm: flag({ summary: "" }),
  proxy: flag({ summary: "", default: true }),
  "no-hosts": flag({ summary: "" }),
  name: text({ metavar: "NAME", summary: "" }),
  env: texts({ char: "e", metavar: "NAME", summary: "" }),
  number: value({ metavar: "N", summary: "", parse: integer(-10, 10) }),
  numbers: list({ metavar: "N", summary: "", parse: integer(-10, 10) }),
};
const rules = { stopAtPositional: true, command: "tsman run" };

describe("parseOptions", () => {
  test("gives flags their defaults, lists their emptiness and the rest undefined", async () => {
    const { values, given } = await parseOptions([], table, rules);
    expect(values).toEqual({
      rm: false,
      proxy: true,
      "no-hosts": false,
      name: undefined,
      env: [],
      number: undefined,
      numbers: [],
    });
    expect(given.size).toBe(0);
  });

  test("a flag may be taken back, and the last word counts", async () => {
    const argv = ["--rm", "--rm=false", "--proxy=false", "--no-hosts=true"];
    const { values } = await parseOptions(argv, table, rules);
    expect(values).toMatchObject({ rm: false, proxy: false, "no-hosts": true });
  });

  test("of a repeated value the last one counts, and a list keeps its order", async () => {
    const argv = ["--name", "a", "-e", "1", "--name", "b", "-e", "2", "-e", "1"];
    const { values } = await parseOptions(argv, table, rules);
    expect(values.name).toBe("b");
    expect(values.env).toEqual(["1", "2", "1"]);
  });

  test("negative numbers are values", async () => {
    const argv = ["--number", "-5", "--numbers=-1", "--numbers", "-2"];
    const { values } = await parseOptions(argv, table, rules);
    expect(values).toMatchObject({ number: -5, numbers: [-1, -2] });
  });

  test("repeated positionals stay in their order", async () => {
    const { positionals } = await parseOptions(["echo", "b", "a", "b", "a"], table, rules);
    expect(positionals).toEqual(["echo", "b", "a", "b", "a"]);
  });

  test("any value comes back as it was written", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string()), fc.string(), async (env, name) => {
        const argv = [...env.flatMap((one) => ["-e", one]), `--name=${name}`];
        const { values } = await parseOptions(argv, table, rules);
        expect(values.env).toEqual(env);
        expect(values.name).toBe(name);
      }),
    );
  });

  test("a value's own parser refuses it with the option's name", async () => {
    expect(await rejectedError(parseOptions(["--number", "11"], table, rules))).toMatchObject({
      code: "USAGE",
      message: 'parse --number "11": not a whole number from -10 to 10',
    });
  });
});
