import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { projectRoot, useStore } from "./support.ts";

// Seen from outside: a project that has tsman installed, and TypeScript at its strictest.

const store = useStore();
const longest = 120_000;

/** The examples of README's section about the library, in order. */
function examples(): readonly string[] {
  const readme = readFileSync(join(projectRoot, "README.md"), "utf8");
  const section = readme.slice(readme.indexOf("## As a library\n"));
  const end = section.indexOf("\n## ", 1);
  return [...section.slice(0, end).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
}

/** Everything of the public API that a program names. */
const program = `
import { readFileSync } from "node:fs";
import * as library from "tsman";
import { type Container, type ErrorCode, type RunOptions, Tsman, TsmanError } from "tsman";

const options: RunOptions = { command: ["true"], network: "none", name: undefined };
// @ts-expect-error there is no such option
const unknown: RunOptions = { volume: "x" };
// @ts-expect-error a port is a number
const port: RunOptions = { ports: ["80:80"] };
const code: ErrorCode = "USAGE";

await using tsman = await Tsman.open();
const box: Container = await tsman.containers.run("localhost/busybox", options);
const bytes: Uint8Array = (await tsman.containers.find(box.id), new Uint8Array());
const { status }: { readonly status: number } = await box.wait();
const text: Promise<{ readonly stdout: string }> = box.exec(["true"]);
const binary: Promise<{ readonly stdout: Uint8Array }> = box.exec(["true"], { encoding: "bytes" });
const failures = await Promise.allSettled([text, binary]);
for (const failure of failures) {
  if (failure.status !== "rejected" || !(failure.reason instanceof TsmanError)) throw new Error();
}
console.log(JSON.stringify({ status, code, names: Object.keys(library).sort(), bytes, unknown, port }));
console.log(readFileSync("/proc/self/comm", "utf8").length > 0);
`;

let project: string;

async function run(command: readonly string[]): Promise<string> {
  const environment = store().environment({ NO_COLOR: "1" });
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, command, {
      cwd: project,
      env: environment as NodeJS.ProcessEnv,
      timeout: longest,
    });
    expect(stderr).toBe("");
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

/** What `npm publish` would publish, below a node_modules. */
async function unpackPackage(modules: string): Promise<void> {
  mkdirSync(modules, { recursive: true });
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", modules];
  const execute = promisify(execFile);
  const { stdout } = await execute("npm", pack, { cwd: projectRoot });
  await execute("tar", ["-xzf", stdout.trim()], { cwd: modules });
  renameSync(join(modules, "package"), join(modules, "tsman"));
}

beforeAll(async () => {
  project = join(store().scratch, "project");
  const install = (name: string, target: string): void => {
    const link = join(project, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
  };
  await unpackPackage(join(project, "node_modules"));
  // What the package depends on at run time, and what the project has by itself.
  const needed = ["koffi", "zod", `node-linux-${process.arch}`];
  for (const name of [...needed, "@types/node", "undici-types", "vitest"]) {
    install(name, join(projectRoot, "node_modules", name));
  }
  const write = (name: string, content: unknown): void =>
    writeFileSync(
      join(project, name),
      typeof content === "string" ? content : JSON.stringify(content),
    );
  write("package.json", { name: "project", private: true, type: "module" });
  const compilerOptions = {
    target: "esnext",
    lib: ["esnext"],
    module: "nodenext",
    moduleResolution: "nodenext",
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    skipLibCheck: false,
    noEmit: true,
  };
  const codes = examples();
  codes.forEach((code, index) => {
    const name = /^\/\/ (\S+\.test\.ts)\n/.exec(code)?.[1] ?? `example-${index}.ts`;
    write(name, code);
  });
  write("program.ts", program);
  write("tsconfig.json", { compilerOptions, files: ["program.ts"] });
  // The declarations of Vitest itself are not for us to judge.
  write("tsconfig.examples.json", {
    extends: "./tsconfig.json",
    compilerOptions: { skipLibCheck: true },
    include: ["*.ts"],
    files: [],
  });
});

describe("an installed package", () => {
  const compiler = join(projectRoot, "node_modules/typescript/bin/tsc");

  it("has declarations that a strict program compiles against, libraries checked as well", async () => {
    expect(await run([compiler, "--project", "tsconfig.json"])).toBe("");
  });

  it("offers what it declares, and prints nothing of its own", async () => {
    const [line = "", end] = (await run(["program.ts"])).split("\n");
    expect(JSON.parse(line)).toMatchObject({
      status: 0,
      names: ["Tsman", "TsmanError", "defaultContainerOptions", "isTsmanError"],
    });
    expect(end).toBe("true");
  });

  it("brings the command line along", async () => {
    const program = join(project, "node_modules/tsman/bin/tsman");
    const argv = "run --rm --network none busybox echo packed".split(" ");
    expect((await store().run(argv, { program })).stdout).toBe("packed\n");
  });
});

describe("README's examples of the library", () => {
  it("are three", () => {
    expect(examples()).toHaveLength(3);
  });

  it("compile", async () => {
    const compiler = join(projectRoot, "node_modules/typescript/bin/tsc");
    expect(await run([compiler, "--project", "tsconfig.examples.json"])).toBe("");
  });

  it("say what they promise", async () => {
    expect(await run(["example-0.ts"])).toMatch(/^0 hello\n(?:.*\n)*package\.json\n/);
    const output = await run(["example-1.ts"]);
    expect(output).toMatch(/ stdout started\n/);
    expect(output).toMatch(/ stderr working\n/);
    expect(output).toMatch(/\n3\none\n(?:\n)?two\n/);
    expect(output).toMatch(/no-such-program.* \S.*\n$/);
  });

  it("test a service in a container of their own", async () => {
    const vitest = join(projectRoot, "node_modules/vitest/vitest.mjs");
    expect(await run([vitest, "run", "web.test.ts"])).toMatch(/Tests .*1 passed.*\(1\)/);
    expect((await store().succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
  });
});
