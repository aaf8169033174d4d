import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { byNode, OciBundles } from "./oci-bundles.ts";
import { useStore } from "./support.ts";

const store = useStore();
let oci: OciBundles;
/** A wrapper that opens descriptors 3 and 4 for what it starts. */
let opened: string[];

beforeAll(() => {
  oci = new OciBundles(store());
  const file = oci.file("given");
  writeFileSync(file, "given\n");
  opened = ["sh", "-c", `exec "$@" 3<${file} 4<${file}`, "sh"];
});

const script = 'cat <&3; cat <&4; ls /proc/self/fd | tr "\\n" " "';

describe.each([
  ["the engine of the build", []],
  ["Node", [...byNode]],
] as const)("tsman-oci by %s", (engine, wrapper) => {
  const idOf = (name: string) => `${name}-${engine.split(" ").at(-1)}`;

  it.each([
    ["--preserve-fds 2", "--preserve-fds 2", "--preserve-fds=2", {}],
    ["LISTEN_FDS=2", "LISTEN_FDS=2", undefined, { LISTEN_FDS: "2" }],
    ["both", "LISTEN_FDS=1 and --preserve-fds 1", "--preserve-fds=1", { LISTEN_FDS: "1" }],
  ] as const)(
    "gives a container the caller's descriptors by %s, and refuses those that are not open",
    async (name, words, option, variables) => {
      const env = ["env", ...Object.entries(variables).map(([key, value]) => `${key}=${value}`)];
      const id = idOf(name.replace(/\W/g, ""));
      const run = ["run", "--bundle", oci.bundle(id, script), ...(option ? [option] : []), id];
      const { stdout } = await oci.succeed(run, [...opened, ...env, ...wrapper]);
      // The sixth is that of ls.
      expect(stdout).toBe("given\ngiven\n0 1 2 3 4 5 ");

      // What the engine has open there is its own, such as its end of the monitor's socket.
      const refused = await oci.run(run, [...env, ...wrapper]);
      expect(refused.stderr).toContain(`use ${words}: descriptor 3 is not open`);
      expect(refused.status).toBe(125);
      expect((await oci.succeed(["list", "--quiet"])).stdout).toBe("");
    },
  );

  it("tells the program of a service manager's sockets, as runc does", async () => {
    const id = idOf("sockets");
    const env = ["env", "LISTEN_FDS=2"];
    const run = ["run", "--bundle", oci.bundle(id, 'echo "$LISTEN_FDS $LISTEN_PID"'), id];
    expect((await oci.succeed(run, [...opened, ...env, ...wrapper])).stdout).toBe("2 1\n");
  });

  it("gives hooks no descriptor of the caller's", async () => {
    const id = idOf("hooks");
    const seen = oci.file(`seen-${id}`);
    const script = `readlink /proc/self/fd/* >>${seen}; true`;
    const hook = { path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/usr/bin:/bin"] };
    const bundle = oci.bundle(id, "true", (config) => {
      config.hooks = {
        prestart: [hook],
        createRuntime: [hook],
        poststart: [hook],
        poststop: [hook],
      };
    });
    const many = ["bash", "-c", `exec "$@" 3<${oci.file("given")} 40</etc 100</etc/passwd`, "bash"];
    await oci.succeed(["run", "--bundle", bundle, id], [...many, ...wrapper]);
    const names = readFileSync(seen, "utf8").trim().split("\n");
    expect(names.filter((name) => !/^(pipe:|socket:|\/proc\/|.*seen-)/.test(name))).toEqual([]);
    expect(names.length).toBeGreaterThan(8);
  });

  it("gives a process of exec no descriptor but the caller's", async () => {
    const id = idOf("exec");
    await oci.succeed(["create", "--bundle", oci.bundle(id, "sleep 1000"), id], wrapper);
    await oci.succeed(["start", id], wrapper);
    const exec = ["exec", "--preserve-fds", "2", id, "sh", "-c", script];
    const { stdout } = await oci.succeed(exec, [...opened, ...wrapper]);
    expect(stdout).toBe("given\ngiven\n0 1 2 3 4 5 ");
    const refused = await oci.run(exec, wrapper);
    expect(refused.stderr).toContain("use --preserve-fds 2: descriptor 3 is not open");
    expect(refused.status).toBe(125);
    await oci.succeed(["delete", "--force", id]);
  });
});
