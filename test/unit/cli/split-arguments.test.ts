import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flag, text, texts, value } from "../../../src/cli/option-spec.ts";
import { splitArguments } from "../../../src/cli/split-arguments.ts";
import { thrownError } from "./thrown-error.ts";

const table = {
  detach: flag({ char: "d", summary: "" }),
  interactive: flag({ char: "i", summary: "" }),
  tty: flag({ char: "t", summary: "" }),
  rm: flag({ summary: "" }),
  env: texts({ char: "e", metavar: "NAME", summary: "" }),
  publish: texts({ char: "p", metavar: "PORT", summary: "", aliases: ["port"] }),
  name: text({ metavar: "NAME", summary: "" }),
  explain: value({ metavar: "HOW", summary: "", bare: "text", parse: (given) => given }),
  memory: {
    kind: "unsupported",
    char: "m",
    takesValue: true,
    reason: "no cgroups",
    hint: "leave it out",
  },
} as const;

const run = { stopAtPositional: true, command: "tsman run" };
const list = { stopAtPositional: false, command: "tsman ps" };

/** `name=value` for each option, then the positionals. */
function split(argv: string[], rules = run): string[][] {
  const { options, positionals } = splitArguments(argv, [table], rules);
  return [options.map(({ name, value: given }) => `${name}=${given}`), [...positionals]];
}

describe("options", () => {
  test.each([
    [["--name", "a"], ["name=a"]],
    [["--name=a"], ["name=a"]],
    [["--name="], ["name="]],
    [["--env=A=b=c"], ["env=A=b=c"]],
    [["-it"], ["interactive=true", "tty=true"]],
    [["-dit"], ["detach=true", "interactive=true", "tty=true"]],
    [
      ["-ite", "A=b"],
      ["interactive=true", "tty=true", "env=A=b"],
    ],
    [["-p8080:80"], ["publish=8080:80"]],
    [["-p=80"], ["publish=80"]],
    [["--port", "80"], ["publish=80"]],
    [
      ["-eA", "-e", "B"],
      ["env=A", "env=B"],
    ],
    [["--rm=true"], ["rm=true"]],
    [["--rm=false"], ["rm=false"]],
    [["--rm=0"], ["rm=false"]],
    [["-t=false"], ["tty=false"]],
    [["--explain"], ["explain=text"]],
    [["--explain=json"], ["explain=json"]],
  ])("%j gives %j", (argv, expected) => {
    expect(split(argv)[0]).toEqual(expected);
  });

  test.each([
    [["--name", "--rm"], ["name=--rm"]],
    [["-e", "-x"], ["env=-x"]],
    [["--env", "-1"], ["env=-1"]],
    [["--name", "--"], ["name=--"]],
  ])("in %j a value may look like an option", (argv, expected) => {
    expect(split(argv)[0]).toEqual(expected);
  });
});

describe("positionals", () => {
  test("of run, the first one ends the options", () => {
    expect(split(["-it", "alpine", "sh", "-c", "echo $0", "-x", "--rm"])).toEqual([
      ["interactive=true", "tty=true"],
      ["alpine", "sh", "-c", "echo $0", "-x", "--rm"],
    ]);
  });

  test("elsewhere options and positionals may alternate", () => {
    expect(split(["a", "-t", "b", "--rm"], list)).toEqual([
      ["tty=true", "rm=true"],
      ["a", "b"],
    ]);
  });

  test("-- ends the options and belongs to nobody", () => {
    expect(split(["-t", "--", "-it", "--"], list)).toEqual([["tty=true"], ["-it", "--"]]);
  });

  test("a -- after the image is the container's", () => {
    expect(split(["alpine", "sh", "--", "x"])[1]).toEqual(["alpine", "sh", "--", "x"]);
  });

  test("- alone is a positional", () => {
    expect(split(["-", "-t"], list)).toEqual([["tty=true"], ["-"]]);
  });

  test("whatever follows the image arrives unchanged", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (rest) => {
        expect(split(["--rm", "image", ...rest])[1]).toEqual(["image", ...rest]);
      }),
    );
  });
});

describe("refusals", () => {
  test.each([
    [["--nmae", "a"], "unknown option --nmae", "did you mean --name?"],
    [["--xyzzy"], "unknown option --xyzzy", "see tsman run --help"],
    [["--no-rm"], "unknown option --no-rm", "write --rm=false"],
    [["-x"], "unknown option -x", "see tsman run --help"],
    [["-itx"], "unknown option -x in -itx", "see tsman run --help"],
    [["--name"], "parse --name: its value is missing", "write --name NAME"],
    [["-ie"], "parse -e: its value is missing", "write -e NAME"],
    [["--rm=maybe"], 'parse --rm "maybe": neither true nor false', "write --rm=true or --rm=false"],
  ])("%j", (argv, message, hint) => {
    expect(thrownError(() => split(argv))).toMatchObject({ code: "USAGE", message, hint });
  });

  test.each([[["--memory", "1g"]], [["--memory=1g"]], [["-m1g"]], [["-itm", "1g"]]])(
    "%j is another tool's option, refused with its reason",
    (argv) => {
      const error = thrownError(() => split(argv));
      expect(error).toMatchObject({ code: "OPTION_UNSUPPORTED", hint: "leave it out" });
      expect(error.message).toContain("--memory is not supported: no cgroups");
    },
  );
});
