import { expect, test } from "vitest";
import type { EngineContext } from "../../../../src/engine/context.ts";
import { formatScope, loginScope } from "../../../../src/engine/registries/login-scope.ts";
import { defaultShortNames } from "../../../../src/oci/short-names.ts";

const context = {
  shortNames: async () => ({ ...defaultShortNames, search: ["first.example", "docker.io"] }),
} as unknown as EngineContext;

test.each([
  [undefined, "first.example"],
  ["quay.io", "quay.io"],
  ["QUAY.io/", "quay.io"],
  ["quay.io/team/app", "quay.io/team/app"],
  ["quay.io/v1", "quay.io/v1"],
  ["https://quay.io", "quay.io"],
  ["https://quay.io/v2/", "quay.io"],
  ["http://localhost:5000/", "localhost:5000"],
  ["https://index.docker.io/v1/", "docker.io"],
  ["index.docker.io", "docker.io"],
  ["registry-1.docker.io", "docker.io"],
  ["[::1]:5000", "[::1]:5000"],
])("a login to %s is for %s", async (text, expected) => {
  expect(formatScope(await loginScope(context, text))).toBe(expected);
});

test.each([
  "",
  "quay.io/Team",
  "quay.io:tag/x",
  "a b",
  "https://user:secret@quay.io",
  "quay.io/a\r\nX: y",
  "quay.io/../x",
  "ftp://quay.io",
])("%j is no registry", async (text) => {
  await expect(loginScope(context, text)).rejects.toMatchObject({ code: "REFERENCE_INVALID" });
});
