import { expect, test } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import { sha256Digest } from "../../../src/oci/digest.ts";
import { parseImageConfig } from "../../../src/oci/image-config.ts";

const diffId = sha256Digest("layer");
const minimal = {
  os: "linux",
  architecture: "amd64",
  rootfs: { type: "layers", diff_ids: [diffId] },
};

function parse(document: unknown) {
  return parseImageConfig(
    Buffer.from(typeof document === "string" ? document : JSON.stringify(document)),
  );
}

test("a config in full comes out in normal form", () => {
  const parsed = parse({
    ...minimal,
    variant: "v2",
    created: "2024-01-01T00:00:00Z",
    config: {
      User: "app:staff",
      Env: ["PATH=/bin", "A=b=c"],
      Entrypoint: ["/bin/x"],
      Cmd: ["y"],
      WorkingDir: "/srv",
      Labels: { a: "b" },
      ExposedPorts: { "80/tcp": {}, "53/udp": {} },
      Volumes: { "/data": {} },
      StopSignal: "SIGINT",
      Healthcheck: { Test: ["CMD", "true"], Interval: 30_000_000_000 },
    },
    history: [{ created_by: "RUN x", empty_layer: true }],
  });
  expect(parsed).toMatchObject({
    variant: "v2",
    config: {
      user: "app:staff",
      env: ["PATH=/bin", "A=b=c"],
      entrypoint: ["/bin/x"],
      cmd: ["y"],
      workingDir: "/srv",
      exposedPorts: ["80/tcp", "53/udp"],
      volumes: ["/data"],
      stopSignal: "SIGINT",
      healthcheck: { test: ["CMD", "true"], interval: 30_000_000_000 },
    },
    rootfs: { diffIds: [diffId] },
    history: [{ createdBy: "RUN x", emptyLayer: true }],
  });
});

test("null and missing members mean the same: nothing is asked for", () => {
  const nothing = { User: null, Env: null, Entrypoint: null, Cmd: null, Labels: null };
  const expected = { user: "", env: [], entrypoint: null, cmd: null, workingDir: "", volumes: [] };
  expect(parse({ ...minimal, config: nothing }).config).toMatchObject(expected);
  expect(parse({ ...minimal, config: null }).config).toMatchObject(expected);
  expect(parse(minimal).config).toMatchObject(expected);
});

test("a command written as one string is a list of one, as old images mean it", () => {
  expect(parse({ ...minimal, config: { Cmd: "sh" } }).config.cmd).toEqual(["sh"]);
});

test("labels called like members of every object are labels (S65)", () => {
  const text = JSON.stringify(minimal).replace(
    "{",
    '{"config":{"Labels":{"__proto__":"a","constructor":"b","toString":"c"}},',
  );
  const { labels } = parse(text).config;
  expect(Object.entries(labels)).toEqual([
    ["__proto__", "a"],
    ["constructor", "b"],
    ["toString", "c"],
  ]);
  // Nothing is inherited that could be taken for a label.
  for (const config of [{ Labels: {} }, {}]) {
    expect("valueOf" in parse({ ...minimal, config }).config.labels).toBe(false);
  }
});

test.each([
  ["Env", ["A=b\0C=d"]],
  ["Cmd", ["sh\0"]],
  ["Entrypoint", ["\0"]],
  ["WorkingDir", "/srv\0/x"],
  ["User", "root\0"],
])("a NUL in %s is refused, since the kernel would not see what follows", (member, value) => {
  expect(() => parse({ ...minimal, config: { [member]: value } })).toThrow(
    `config.${member} holds a NUL`,
  );
});

test.each([
  ["Env", "A=b"],
  ["Env", [1]],
  ["User", 0],
  ["Labels", { a: 1 }],
  ["Labels", ["a"]],
  ["Volumes", ["/data"]],
])("a %s of %j is refused by name", (member, value) => {
  try {
    parse({ ...minimal, config: { [member]: value } });
  } catch (error) {
    expect(isTsmanError(error, "MANIFEST_INVALID")).toBe(true);
    expect(String(error)).toContain(`config.${member}`);
    return;
  }
  throw new Error("the config was taken");
});

test("a diffID that is no digest is refused", () => {
  const wrong = { ...minimal, rootfs: { type: "layers", diff_ids: ["sha256:../x"] } };
  expect(() => parse(wrong)).toThrow("rootfs.diff_ids.0");
});
