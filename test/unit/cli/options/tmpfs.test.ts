import { expect, test } from "vitest";
import { parseTmpfs } from "../../../../src/cli/options/tmpfs.ts";
import { thrownError } from "../thrown-error.ts";

const tmpfs = { type: "tmpfs", target: "/run", readOnly: false, flags: [], copyUp: true };

test.each([
  ["/run", tmpfs],
  ["/run:size=64m,mode=755,noexec", { ...tmpfs, size: 67_108_864, mode: 0o755, flags: ["noexec"] }],
  ["/run:ro,notmpcopyup", { ...tmpfs, readOnly: true, copyUp: false }],
  ["/run:rw,exec,suid,dev", { ...tmpfs, flags: ["exec", "suid", "dev"] }],
])("%s", (text, expected) => {
  expect(parseTmpfs(text, "--tmpfs")).toEqual(expected);
});

test.each([
  ["run", 'parse --tmpfs "run": the container\'s path "run" is not absolute'],
  ["/run:bogus", 'parse --tmpfs "/run:bogus": unknown option "bogus"'],
  ["/run:size=many", 'parse --tmpfs size= "many": not a size'],
  ["/run:mode=9", 'parse --tmpfs mode= "9": not an octal number of up to four digits'],
])("%s is refused", (text, message) => {
  expect(thrownError(() => parseTmpfs(text, "--tmpfs"))).toMatchObject({ code: "USAGE", message });
});
