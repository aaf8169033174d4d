import { describe, expect, test } from "vitest";
import { catalogue } from "../../../src/cli/command-table.ts";
import { findCommand } from "../../../src/cli/find-command.ts";
import { thrownError } from "./thrown-error.ts";

describe("findCommand", () => {
  test.each([
    [["run", "-it", "x"], "run", ["-it", "x"]],
    [["image", "ls", "-q"], "image ls", ["-q"]],
    [["container", "rm", "a"], "container rm", ["a"]],
  ])("%j", (argv, name, rest) => {
    expect(findCommand(argv, catalogue)).toMatchObject({ name, rest });
  });

  test.each([[["image"]], [["image", "--help"]], [["container", "-h"]]])(
    "%j wants the help of a group",
    (argv) => {
      expect(findCommand(argv, catalogue)).toBeUndefined();
    },
  );

  test.each([
    [["imgaes"], 'unknown command "imgaes"', "did you mean tsman images?"],
    [["image", "lss"], 'unknown command "lss"', "did you mean tsman image ls?"],
    [["constructor"], 'unknown command "constructor"', "see tsman --help"],
    [["image", "toString"], 'unknown command "toString"', "see tsman image --help"],
  ])("%j is refused with the nearest there is", (argv, message, hint) => {
    expect(thrownError(() => findCommand(argv, catalogue))).toMatchObject({ message, hint });
  });
});

test.each([
  [["build", "."], "tsman build is not supported: images cannot be built yet"],
  [["image", "trust"], "tsman image trust is not supported: the policy is a file"],
  [["image", "scp", "a", "b"], "tsman image scp is not supported: nothing is sent over ssh"],
  [["system", "migrate"], "tsman system migrate is not supported: there is nothing to migrate"],
  [
    ["system", "service"],
    "tsman system service is not supported: there is no daemon, and no service that would answer for one",
  ],
  [["service", "ls"], "tsman service is not supported: it starts one container at a time"],
  [["volume", "ls"], "tsman volume is not supported: volumes have no commands yet"],
  [
    ["container", "checkpoint", "x"],
    "tsman container checkpoint is not supported: containers cannot be frozen to disk",
  ],
  [["compose", "up"], "tsman compose is not supported: it starts one container at a time"],
])("%j, which others have, is refused with what to do instead", (argv, message) => {
  expect(thrownError(() => findCommand(argv, catalogue))).toMatchObject({
    code: "OPTION_UNSUPPORTED",
    message,
    hint: expect.stringMatching(/\w/),
  });
});

test("every entry loads a command, and an alias loads the same one", async () => {
  const { commands, groups } = catalogue;
  const entries = [commands, ...Object.values(groups).map((group) => group.commands)].flatMap(
    (table) => Object.values(table),
  );
  for (const entry of entries) {
    const command = await entry.load();
    expect(command.summary).not.toBe("");
    expect(typeof command.execute).toBe("function");
  }
  expect(await groups.image?.commands.rm?.load()).toBe(await commands.rmi?.load());
});
