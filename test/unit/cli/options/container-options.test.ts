import { describe, expect, test } from "vitest";
import { containerOptions } from "../../../../src/cli/options/container-options.ts";
import { runOptions } from "../../../../src/cli/options/run-options.ts";
import { unsupportedRunOptions } from "../../../../src/cli/options/unsupported.ts";
import { parseOptions } from "../../../../src/cli/parse-options.ts";
import { defaultContainerOptions } from "../../../../src/container/options.ts";
import { rejectedError } from "../thrown-error.ts";

const files: Record<string, string> = { "a.env": "A=file\nB=file", labels: "# x\nl=file\nm=1" };

async function convert(...argv: string[]) {
  const rules = { stopAtPositional: true, command: "tsman run" };
  const { values, positionals } = await parseOptions(
    argv,
    runOptions,
    rules,
    unsupportedRunOptions,
  );
  return containerOptions(values, positionals, {
    cwd: "/work",
    environment: { FROM: "caller", HTTPS_PROXY: "http://p", no_proxy: "q" },
    readText: (path) => files[path] ?? "",
  });
}

async function options(...argv: string[]) {
  return (await convert(...argv)).options;
}

describe("containerOptions", () => {
  test("without options everything is at its default", async () => {
    expect(await options("busybox")).toEqual({ ...defaultContainerOptions, image: "busybox" });
  });

  test("options of others that ask for what happens anyway change nothing", async () => {
    const argv =
      "--systemd=false --sdnotify ignore --seccomp-policy=default --disable-content-trust " +
      "--oom-kill-disable=false --memory-swappiness -1 --passwd --image-volume bind " +
      "--http-proxy=false --volume-driver local busybox";
    expect(await options(...argv.split(" "))).toEqual({
      ...defaultContainerOptions,
      image: "busybox",
    });
  });

  test("lines of accounts, an execution domain, and what is started before", async () => {
    const argv =
      "--passwd=false --passwd-entry $UID: --hostuser me --hostuser 7 --personality LINUX32 " +
      "--requires a,b --requires c --chrootdirs /x,/y busybox";
    expect(await options(...argv.split(" "))).toEqual({
      ...defaultContainerOptions,
      image: "busybox",
      accounts: { isAdded: false, passwdEntry: "$UID:", hostUsers: ["me", "7"] },
      personality: "LINUX32",
      requires: ["a", "b", "c"],
      chrootDirs: ["/x", "/y"],
    });
  });

  test.each([
    ["--systemd=always", "--systemd=always is not supported"],
    ["--systemd always", "--systemd=always is not supported"],
    ["--personality BSD", 'parse --personality "BSD": not one of its words'],
    ["--passwd-entry root", "not a line of passwd(5) or group(5)"],
    ["--group-entry a:\nb:", "not a line of passwd(5) or group(5)"],
    ["--hostuser a:b", 'parse --hostuser "a:b": not the name or id of a user'],
    ["--chrootdirs /a,b", 'parse --chrootdirs "b": not an absolute path'],
    ["--requires a,", 'parse --requires: use container name ""'],
    ["--rmi --detach", "--rmi with --detach is not supported"],
    ["--env-merge A", 'parse --env-merge "A": no ='],
    ["--image-volume copy", 'parse --image-volume "copy"'],
  ])("%s is refused", async (argv, message) => {
    await expect(options(...argv.split(" "), "busybox")).rejects.toThrow(message);
  });

  test("the caller's proxies, or all that it has, are passed on when asked for", async () => {
    const names = async (...argv: string[]) =>
      (await options(...argv, "busybox")).hostEnv?.map(([name]) => name);
    expect(await names()).toBeUndefined();
    expect(await names("--http-proxy")).toEqual(["HTTPS_PROXY", "no_proxy"]);
    expect(await names("--env-host")).toEqual(expect.arrayContaining(["FROM", "HTTPS_PROXY"]));
  });

  test("what follows the image is the command", async () => {
    const { command } = await options("-it", "alpine", "sh", "-c", "echo $0", "-x");
    expect(command).toEqual(["sh", "-c", "echo $0", "-x"]);
  });

  test("a line as people write it", async () => {
    const argv =
      "-dit --rm --name web -p 8080:80 -v ./src:/src:ro -w /src -u 1000:1000 -e A=b -e FROM " +
      "--read-only --cap-drop ALL --cap-add NET_BIND_SERVICE,CHOWN --ulimit nofile=5 --init " +
      "--stop-timeout 3 --stop-signal INT --shm-size 1m --umask 077 --tz Europe/Berlin nginx";
    expect(await options(...argv.split(" "))).toEqual({
      ...defaultContainerOptions,
      image: "nginx",
      detach: true,
      interactive: true,
      tty: true,
      remove: true,
      name: "web",
      ports: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
      mounts: [
        {
          type: "bind",
          source: "/work/src",
          target: "/src",
          readOnly: true,
          recursive: true,
          flags: [],
          chown: false,
        },
      ],
      workdir: "/src",
      user: "1000:1000",
      env: [
        ["A", "b"],
        ["FROM", "caller"],
      ],
      readOnly: true,
      capDrop: ["ALL"],
      capAdd: ["NET_BIND_SERVICE", "CHOWN"],
      ulimits: [{ name: "nofile", soft: 5, hard: 5 }],
      init: true,
      stopTimeout: 3,
      stopSignal: "INT",
      shmSize: 1_048_576,
      umask: 0o77,
      tz: "Europe/Berlin",
    });
  });

  test("--env stands after the files, so that it wins", async () => {
    const { env } = await options("-e", "A=line", "--env-file", "a.env", "x");
    expect(env).toEqual([
      ["A", "file"],
      ["B", "file"],
      ["A", "line"],
    ]);
  });

  test("--label wins over --label-file", async () => {
    const { labels } = await options("-l", "l=line", "--label-file", "labels", "x");
    expect(labels).toEqual({ l: "line", m: "1" });
  });

  test.each([
    [["--rootfs", "dir", "sh"], { path: "/work/dir", overlay: false }],
    [["--rootfs", "/r:O", "sh"], { path: "/r", overlay: true }],
  ])("%j runs a directory", async (argv, rootfs) => {
    const converted = await options(...argv);
    expect(converted).toMatchObject({ rootfs, command: ["sh"] });
    expect(converted.image).toBeUndefined();
  });

  test("files are named from the caller's directory", async () => {
    expect(await options("--cidfile", "c", "--pidfile", "/p", "x")).toMatchObject({
      cidFile: "/work/c",
      pidFile: "/p",
    });
  });

  test("without a network of its own, a container's ports are dropped with a warning", async () => {
    const converted = await convert("--network", "none", "-p", "80", "-P", "x");
    expect(converted.options).toMatchObject({ ports: [], publishAll: false });
    expect(converted.warnings).toEqual(["published ports have no effect with --network none"]);
  });

  test("a timeout of 0 is none", async () => {
    expect((await options("--timeout", "0", "x")).timeout).toBeUndefined();
  });

  test.each([
    [[], "USAGE", "name an image: it is missing"],
    [["--rootfs"], "USAGE", "name the root directory: it is missing"],
    [["--replace", "x"], "USAGE", "use --replace: without --name there is nothing to replace"],
    [["--name", "a/b", "x"], "NAME_INVALID", 'use container name "a/b"'],
    [["-v", "/a:/x", "--tmpfs", "/x", "x"], "USAGE", "mount on /x: two mounts have this target"],
    [
      ["--network", "none", "--network", "host", "x"],
      "OPTION_UNSUPPORTED",
      "a container has one network",
    ],
    [["--uts", "host", "--hostname", "h", "x"], "USAGE", "use --hostname"],
    [["--no-hosts", "--add-host", "a:1.2.3.4", "x"], "USAGE", "use --add-host"],
    [["--log-driver", "syslog", "x"], "OPTION_UNSUPPORTED", "--log-driver syslog"],
    [["--log-driver", "passthrough", "-t", "x"], "USAGE", "--log-driver passthrough"],
    [["--rootfs", "/r:X"], "USAGE", 'unknown option "X"'],
    [["--no-healthcheck", "--health-cmd=x", "x"], "USAGE", "use --no-healthcheck"],
    [["--pod", "p", "x"], "OPTION_UNSUPPORTED", "--pod is not supported"],
    [["--memory-swappiness", "1", "x"], "OPTION_UNSUPPORTED", "cgroup v1 only"],
    [["Bad Image"], "REFERENCE_INVALID", "Bad Image"],
    [["--workdir", "src", "x"], "USAGE", "not an absolute path"],
    [["--platform", "a/b/c/d", "x"], "USAGE", "parse --platform"],
  ])("%j is refused", async (argv, code, message) => {
    const error = await rejectedError(convert(...argv));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
    expect(error.hint).toBeDefined();
  });

  test("no option is both taken and refused", () => {
    const names = Object.entries(runOptions).flatMap(([name, spec]) => [
      name,
      ...(spec.aliases ?? []),
    ]);
    expect(names.filter((name) => Object.hasOwn(unsupportedRunOptions, name))).toEqual([]);
  });

  test("no two options have the same letter", () => {
    const all = [...Object.values(runOptions), ...Object.values(unsupportedRunOptions)];
    const letters = all.map(({ char }) => char).filter((char) => char !== undefined);
    expect(new Set(letters).size).toBe(letters.length);
  });
});
