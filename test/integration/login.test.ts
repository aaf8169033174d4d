import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type DockerRegistry, startDockerRegistry, testUser } from "../support/docker-registry.ts";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { commandLineOf, findProcesses } from "../support/proc.ts";
import { TokenServer } from "../support/token-server.ts";
import { registry, useStore } from "./support.ts";

const execute = promisify(execFile);
const store = useStore();
const secrets = [
  testUser.password,
  Buffer.from(`${testUser.username}:${testUser.password}`).toString("base64"),
];
let guarded: DockerRegistry;
let homes = 0;
let config: string;

beforeAll(async () => {
  guarded = await startDockerRegistry({ kind: "htpasswd" });
  await store().succeed(["pull", "-q", `${registry()}/shared-base-a`]);
});

afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

beforeEach(() => {
  homes += 1;
  config = join(store().scratch, `config-${homes}`);
});

/** Nobody's files but those of this test. */
function environment(): Record<string, string | undefined> {
  return {
    XDG_CONFIG_HOME: config,
    XDG_RUNTIME_DIR: undefined,
    DOCKER_CONFIG: join(config, "docker"),
  };
}

const authFile = () => join(config, "tsman/auth.json");
const entries = (file = authFile()): Record<string, object> =>
  JSON.parse(readFileSync(file, "utf8")).auths;

async function tsman(args: readonly string[], input = "", env = environment()) {
  const result = await store().run(args, { input, env });
  // Whatever happens, nobody sees the password.
  for (const secret of secrets) expect(result.stdout + result.stderr).not.toContain(secret);
  return result;
}

async function logIn(to: string, ...more: readonly string[]) {
  const args = ["login", "--username", testUser.username, "--password-stdin", ...more, to];
  return await tsman(args, `${testUser.password}\n`);
}

describe("tsman login", () => {
  it("keeps what the registry takes, for its user alone; push and pull use it", async () => {
    const { status, stdout, stderr } = await logIn(guarded.address);
    expect([status, stdout]).toEqual([0, "Login Succeeded!\n"]);
    expect(stderr).toContain(authFile());
    expect(statSync(authFile()).mode & 0o777).toBe(0o600);
    expect(statSync(join(config, "tsman")).mode & 0o777).toBe(0o700);
    const to = `${guarded.address}/team/app:1`;
    expect((await tsman(["push", `${registry()}/shared-base-a`, to])).status).toBe(0);
    expect((await tsman(["pull", to])).status).toBe(0);
  });

  it("writes what skopeo reads", async () => {
    await logIn(guarded.address);
    const to = `docker://${guarded.address}/team/skopeo:1`;
    await tsman(["push", "-q", `${registry()}/shared-base-a`, to]);
    const args = ["inspect", "--tls-verify=false", "--authfile", authFile(), to];
    const { stdout } = await execute("skopeo", ["--insecure-policy", ...args]);
    expect(JSON.parse(stdout).Name).toBe(`${guarded.address}/team/skopeo`);
  });

  it("keeps nothing that the registry does not take", async () => {
    const args = ["login", "-u", testUser.username, "--password-stdin", guarded.address];
    const { status, stdout, stderr } = await tsman(args, "wrong\n");
    expect([status, stdout]).toEqual([125, ""]);
    expect(stderr).toContain("does not accept the credentials");
    expect(stderr).toContain(`hint: check the user name and password for ${guarded.address}`);
    expect(() => statSync(authFile())).toThrow("ENOENT");
  });

  it("may be another one at each end of a copy", async () => {
    await using other = await startDockerRegistry({ kind: "htpasswd" });
    const [from, to] = [join(config, "from.json"), join(config, "to.json")];
    await logIn(guarded.address, "--authfile", from);
    await logIn(other.address, "--authfile", to);
    await tsman(["push", "-q", "--authfile", from, "busybox", `${guarded.address}/ends:1`]);
    const ends = [`docker://${guarded.address}/ends:1`, `docker://${other.address}/ends:1`];
    const copy = ["image", "copy", "-q", ...ends, "--src-authfile", from];
    expect((await tsman(copy)).stderr).toContain("it wants a user name and a password");
    expect((await tsman([...copy, "--authfile", to])).status).toBe(0);
    expect((await tsman([...copy, "--dest-authfile", to])).status).toBe(0);
  });

  it("is not needed twice, and says the name that it has", async () => {
    await logIn(guarded.address);
    const again = await tsman(["login", guarded.address]);
    expect([again.status, again.stdout]).toEqual([0, expect.stringContaining("Already logged in")]);
    const name = await tsman(["login", "--get-login", guarded.address]);
    expect([name.status, name.stdout]).toEqual([0, `${testUser.username}\n`]);
    const none = await tsman(["login", "--get-login", "quay.io"]);
    expect([none.status, none.stdout]).toEqual([125, ""]);
  });

  it("says when a registry did not ask, so that nothing was checked", async () => {
    const { status, stderr } = await logIn(registry());
    expect(status).toBe(0);
    expect(stderr).toContain("nobody checked");
  });

  it("warns of a password on the command line, and takes it", async () => {
    const args = ["login", "-u", testUser.username, "-p", testUser.password, guarded.address];
    const { status, stderr } = await tsman(args);
    expect(status).toBe(0);
    expect(stderr).toContain("--password-stdin");
  });

  it("keeps the other entries and members of the file, also when several log in at once", async () => {
    await using other = await startDockerRegistry({ kind: "htpasswd" });
    mkdirSync(join(config, "tsman"), { recursive: true });
    const before = { auths: { "quay.io": { auth: "eDp5" } }, HttpHeaders: { a: "b" } };
    writeFileSync(authFile(), JSON.stringify(before), { mode: 0o644 });
    const all = [guarded.address, other.address, `${guarded.address}/team`];
    const done = await Promise.all(all.map((each) => logIn(each)));
    expect(done.map(({ status }) => status)).toEqual([0, 0, 0]);
    expect(Object.keys(entries()).sort()).toEqual(["quay.io", ...all].sort());
    expect(JSON.parse(readFileSync(authFile(), "utf8")).HttpHeaders).toEqual({ a: "b" });
    expect(statSync(authFile()).mode & 0o777).toBe(0o600);
  });

  it("writes to where a link of the user's leads", async () => {
    mkdirSync(join(config, "tsman"), { recursive: true });
    const kept = join(config, "dot-files.json");
    writeFileSync(kept, "{}");
    symlinkSync(kept, authFile());
    expect((await logIn(guarded.address)).status).toBe(0);
    expect(Object.keys(entries(kept))).toEqual([guarded.address]);
    expect(Object.keys(entries())).toEqual([guarded.address]);
  });

  it("hands the password to the helper that the file names, through its input", async () => {
    const bin = join(config, "bin");
    mkdirSync(bin, { recursive: true });
    const helper = join(bin, "docker-credential-box");
    const script = `#!/bin/sh\necho "$@" >> ${bin}/args\ncat > ${bin}/$1\n`;
    writeFileSync(helper, `${script}[ $1 != get ] || cat ${bin}/store\n`);
    chmodSync(helper, 0o755);
    mkdirSync(join(config, "tsman"));
    writeFileSync(authFile(), JSON.stringify({ credHelpers: { [guarded.address]: "box" } }));
    const env = { ...environment(), PATH: `${bin}:${process.env.PATH}` };
    const args = ["login", "-u", testUser.username, "--password-stdin", guarded.address];
    const { status, stderr } = await tsman(args, testUser.password, env);
    expect(status).toBe(0);
    expect(stderr).toContain("docker-credential-box");
    expect(readFileSync(join(bin, "args"), "utf8")).toBe("store\n");
    expect(JSON.parse(readFileSync(join(bin, "store"), "utf8"))).toEqual({
      ServerURL: guarded.address,
      Username: testUser.username,
      Secret: testUser.password,
    });
    expect(readFileSync(authFile(), "utf8")).not.toContain(secrets[1]);
    const to = `${guarded.address}/team/helper:1`;
    const pushed = await tsman(["push", "-q", `${registry()}/shared-base-a`, to], "", env);
    expect(pushed.status).toBe(0);
    const gone = await tsman(["logout", guarded.address], "", env);
    expect(gone.status).toBe(0);
    expect(readFileSync(join(bin, "erase"), "utf8")).toBe(guarded.address);
  });

  it.each([
    ["a colon in the name", "a:b", "secret", "colon"],
    ["a line break in the name", "a\r\nX-Evil", "secret", "control characters"],
    ["a line break in the password", "a", "one\ntwo", "control characters"],
    ["no password", "a", "\n", "empty"],
    ["no name", "", "secret", "empty"],
  ])("refuses %s", async (_, username, input, word) => {
    const args = ["login", "-u", username, "--password-stdin", guarded.address];
    const { status, stderr } = await tsman(args, input);
    expect(status).toBe(125);
    expect(stderr).toContain(word);
    expect(() => statSync(authFile())).toThrow("ENOENT");
  });

  it("asks nobody where there is no terminal", async () => {
    const { status, stderr } = await tsman(["login", guarded.address]);
    expect(status).toBe(125);
    expect(stderr).toContain("--password-stdin");
  });

  it("asks at a terminal, without showing the password", async () => {
    const session = store().terminal(["login", guarded.address], { env: environment() });
    await session.screen.until("Username: ");
    session.type(`bob\u0015${testUser.username}\r`);
    await session.screen.until("Password: ");
    session.type(`x\u007f${testUser.password}\r`);
    expect(await session.exited).toEqual({ status: 0, signal: null });
    const screen = (await session.screen.end()).toString();
    expect(screen).toContain(testUser.username);
    expect(screen).toContain("Login Succeeded!");
    expect(screen).not.toContain(testUser.password);
    expect(Object.keys(entries())).toEqual([guarded.address]);
  });

  it("is given up with Ctrl-C", async () => {
    const session = store().terminal(["login", "-u", "a", guarded.address], { env: environment() });
    await session.screen.until("Password: ");
    session.type("half\u0003");
    expect((await session.exited).status).toBe(130);
  });
});

describe("tsman logout", () => {
  it("forgets one registry, and says when there is nothing to forget", async () => {
    await logIn(guarded.address);
    const first = await tsman(["logout", guarded.address]);
    expect([first.status, first.stdout]).toEqual([
      0,
      `Removed login credentials for ${guarded.address}\n`,
    ]);
    expect(entries()).toEqual({});
    const second = await tsman(["logout", guarded.address]);
    expect(second.status).toBe(125);
    expect(second.stderr).toContain("not logged in");
    const pushed = await tsman(["push", `${registry()}/shared-base-a`, `${guarded.address}/a:1`]);
    expect(pushed.status).toBe(125);
    expect(pushed.stderr).toContain(`tsman login ${guarded.address}`);
  });

  it("forgets all", async () => {
    await logIn(guarded.address);
    await logIn(`${guarded.address}/team`);
    expect((await tsman(["logout", "--all"])).status).toBe(0);
    expect(entries()).toEqual({});
  });

  it("tells of what other tools have kept", async () => {
    mkdirSync(join(config, "docker"), { recursive: true });
    const auths = { [guarded.address]: { auth: secrets[1] } };
    writeFileSync(join(config, "docker/config.json"), JSON.stringify({ auths }));
    const { status, stderr } = await tsman(["logout", guarded.address]);
    expect(status).toBe(125);
    expect(stderr).toContain("Docker");
  });
});

describe("a password", () => {
  it("is in no command line while an image is pushed, and in no debug output", async () => {
    await logIn(guarded.address);
    await using held = await startFaultyRegistry({
      auth: { kind: "basic", ...testUser },
    });
    await logIn(held.host);
    held.uploads.rules = { resetAfter: [0] };
    const to = `${held.host}/team/app:1`;
    const args = ["--log-level", "debug", "push", `${registry()}/shared-base-a`, to];
    const running = store().start(args, { env: environment() });
    await held.waitForRequest(({ method }) => method === "POST");
    const lines: string[] = [];
    findProcesses((pid) => lines.push(commandLineOf(pid).join(" ")) > 0);
    expect(lines.join("\n")).toContain(to);
    for (const secret of secrets) expect(lines.join("\n")).not.toContain(secret);
    const { status, stdout, stderr } = await running.ended;
    expect(status).toBe(0);
    for (const secret of secrets) expect(stdout + stderr).not.toContain(secret);
  });

  it("is not in what debug output says of a refusal", async () => {
    await using held = await startFaultyRegistry({ auth: { kind: "loop" } });
    const auths = { [held.host]: { auth: secrets[1] } };
    mkdirSync(join(config, "tsman"), { recursive: true });
    writeFileSync(authFile(), JSON.stringify({ auths }), { mode: 0o600 });
    const args = [
      "--log-level",
      "debug",
      "push",
      `${registry()}/shared-base-a`,
      `${held.host}/a:1`,
    ];
    const { status, stderr } = await tsman(args);
    expect(status).toBe(125);
    expect(stderr).toContain("does not accept the credentials");
  });
});

describe("a registry behind a token server", () => {
  let tokens: TokenServer;
  let behind: DockerRegistry;

  beforeAll(async () => {
    tokens = await TokenServer.start();
    behind = await startDockerRegistry(tokens.guard);
  });

  afterAll(async () => {
    await behind[Symbol.asyncDispose]();
    await tokens[Symbol.asyncDispose]();
  });

  it("is logged in to, pushed to and pulled from with tokens for one repository", async () => {
    expect((await logIn(behind.address)).status).toBe(0);
    tokens.requests.length = 0;
    const to = `${behind.address}/team/app:1`;
    expect((await tsman(["push", `${registry()}/shared-base-a`, to])).status).toBe(0);
    expect(new Set(tokens.requests.flatMap(({ scopes }) => scopes))).toEqual(
      new Set(["repository:team/app:pull,push"]),
    );
    // One token serves all requests of a push.
    expect(tokens.requests).toHaveLength(1);
    tokens.requests.length = 0;
    expect((await tsman(["pull", to])).status).toBe(0);
    expect(tokens.requests.map(({ scopes }) => scopes)).toEqual([["repository:team/app:pull"]]);
  });

  it("mounts from a repository with a token that may read that one", async () => {
    await logIn(behind.address);
    const from = `${registry()}/shared-base-a`;
    await tsman(["push", "-q", from, `${behind.address}/team/one:1`]);
    const before = behind.requests().length;
    tokens.requests.length = 0;
    expect((await tsman(["push", "-q", from, `${behind.address}/team/two:1`])).status).toBe(0);
    const uploads = behind.requests().slice(before);
    expect(uploads.filter((one) => /^P(?:ATCH|UT) .*uploads/.test(one))).toEqual([]);
    const asked = tokens.requests.map(({ scopes }) => scopes.join(" "));
    expect(asked[0]).toBe("repository:team/two:pull,push");
    expect(asked.slice(1).every((one) => one.startsWith(`${asked[0]} repository:`))).toBe(true);
    expect(asked.slice(1).every((one) => one.endsWith(":pull"))).toBe(true);
  });

  it("is pulled from by everybody where it allows that, and not pushed to", async () => {
    await logIn(behind.address);
    const to = `${behind.address}/public/app:1`;
    expect((await tsman(["push", "-q", `${registry()}/shared-base-a`, to])).status).toBe(0);
    await tsman(["logout", behind.address]);
    expect((await tsman(["pull", "-q", to])).status).toBe(0);
    const pushed = await tsman(["push", "-q", `${registry()}/zstd`, to]);
    expect(pushed.status).toBe(125);
  });

  it("takes an identity token instead of a password, in the body of a request", async () => {
    const auths = { [behind.address]: { auth: "", identitytoken: tokens.refreshToken } };
    const file = join(store().scratch, "identity.json");
    writeFileSync(file, JSON.stringify({ auths }));
    tokens.requests.length = 0;
    const to = `${behind.address}/team/identity:1`;
    const args = ["push", "-q", "--authfile", file, `${registry()}/shared-base-a`, to];
    expect((await tsman(args)).status).toBe(0);
    expect(tokens.requests[0]).toMatchObject({ method: "POST", grant: "refresh_token" });
  });

  it("does not let a wrong password in", async () => {
    const args = ["login", "-u", testUser.username, "--password-stdin", behind.address];
    const { status, stderr } = await tsman(args, "wrong");
    expect(status).toBe(125);
    expect(stderr).toContain("does not accept the credentials");
  });
});
