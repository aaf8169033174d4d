import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useStore } from "./support.ts";

const store = useStore();

/** What can be no name and no id (security case S32). */
const unusable = [
  "../x",
  "..",
  ".",
  ".hidden",
  "a/b",
  "/etc",
  "a b",
  "a\nb",
  "a;b",
  "ａbc",
  "аdmin",
  "a\u202eb",
  "\u001b[31mred",
  "_x",
  "x".repeat(300),
  `${"f".repeat(65)}/`,
];

/** NAME stands for the name, "one" for a container that there is. */
const verbs = [
  "create --name NAME busybox",
  "run --name NAME busybox true",
  "run --network container:NAME busybox true",
  "run --pid container:NAME busybox true",
  "run --ipc container:NAME busybox true",
  "rename one NAME",
  "rename NAME two",
  "container clone one NAME",
  "container clone NAME two",
  "start NAME",
  "restart NAME",
  "stop NAME",
  "kill NAME",
  "rm NAME",
  "rm --force NAME",
  "pause NAME",
  "unpause NAME",
  "init NAME",
  "update --restart no NAME",
  "attach NAME",
  "exec NAME true",
  "logs NAME",
  "wait NAME",
  "top NAME",
  "stats --no-stream NAME",
  "port NAME",
  "container inspect NAME",
  "healthcheck run NAME",
  "diff NAME",
  "export NAME",
  "commit NAME localhost/x",
  "mount NAME",
  "unmount NAME",
  "namespaces NAME",
  "container cleanup NAME",
];

function everything(): readonly string[] {
  const { root, runtimeDir, scratch } = store();
  return [root, join(root, "containers"), runtimeDir, scratch].flatMap((directory) =>
    readdirSync(directory).map((name) => join(directory, name)),
  );
}

describe("a name that cannot be one", () => {
  let before: readonly string[];
  beforeAll(async () => {
    const create = "create --name one --network none busybox true".split(" ");
    // The first in a store unpacks the image, perhaps beside fifty containers of another test.
    await store().succeed(create, { timeout: 110_000 });
    before = everything();
  });
  afterAll(async () => {
    await store().succeed(["rm", "one"]);
  });

  it.each(verbs.map((verb, index) => [verb, index] as const))(
    "is refused by %s",
    async (verb, n) => {
      // Each verb gets some of them, and each of them some verbs.
      for (const name of [unusable[n % unusable.length], unusable[(n * 7 + 5) % unusable.length]]) {
        const args = verb.split(" ").map((word) => word.replace("NAME", () => name ?? ""));
        const { status, stdout, stderr } = await store().run(args);
        expect(stdout).toBe(verb.endsWith("inspect NAME") ? "[]\n" : "");
        expect(stderr).toMatch(
          // What is no container's name may be an image's, for diff.
          /does not match|300 characters, at most 253|^tsman: error: (inspect .*: no such container|read image reference )/,
        );
        // It is quoted.
        expect(stderr).not.toMatch(/\u001b|a\nb/);
        expect(status).toBe(125);
      }
      expect(everything()).toEqual(before);
    },
  );

  it("is refused by create, whichever of them it is", async () => {
    for (const name of unusable) {
      const { status, stderr } = await store().run(["create", "--name", name, "busybox"]);
      expect(stderr).toMatch(/does not match|at most 253/);
      expect(status).toBe(125);
    }
    expect(everything()).toEqual(before);
  });

  it("is no end of a path for cp either", async () => {
    for (const name of ["a;b", ".hidden", "ａbc"]) {
      const { status, stderr } = await store().run(["cp", `${name}:/etc/passwd`, "out"]);
      expect(stderr).toMatch(/error/);
      expect(status).toBe(125);
    }
    expect(everything()).toEqual(before);
  });
});
