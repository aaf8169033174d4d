import { expect, test } from "vitest";
import { renderTable } from "../../../../src/cli/render/table.ts";

test("columns are at least twelve wide and two apart, the last one is as it is", () => {
  const rows = [
    ["a", "registry.example/long-name", "x"],
    ["bbbbbbbbbbbb", "y", "z"],
  ];
  expect(renderTable(["ID", "IMAGE", "NAMES"], rows, false)).toBe(
    "ID            IMAGE                       NAMES\n" +
      "a             registry.example/long-name  x\n" +
      "bbbbbbbbbbbb  y                           z\n",
  );
});

test("without a header there are rows only", () => {
  expect(renderTable(undefined, [["a", "b"]], false)).toBe("a           b\n");
});

test("on a terminal, what a cell says cannot leave its line", () => {
  expect(renderTable(undefined, [["a\x1b[2J\nb"]], true)).toBe("a\\x1b[2J\\nb\n");
});
