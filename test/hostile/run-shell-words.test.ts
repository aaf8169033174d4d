import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useStage } from "./run-stage.ts";

// S99: what callers, images and file names say is never a shell's to read.
const stage = useStage();

/** Each makes the file `pwned` in a shell that reads it. */
const words: readonly string[] = [
  "$(>pwned)`>pwned`;>pwned;|>pwned;&>pwned",
  "' ;>pwned; '",
  '" ;>pwned; "',
  "\n>pwned\n",
];

/** The words in a directory of their own: whatever makes a file there has read them. */
function trap() {
  const directory = stage().directory();
  return { directory, all: words, left: () => readdirSync(directory) };
}

describe("words that a shell would execute", () => {
  it.each(words)("are of that kind: %j", (word) => {
    const { directory, left } = trap();
    for (const quote of ["", "'", '"']) {
      spawnSync("sh", ["-c", `echo ${quote}${word}${quote}`], { cwd: directory });
    }
    expect(left()).toContain("pwned");
  });

  it("are variables, labels, arguments, names of hosts and of programs, and nothing else", async () => {
    const { directory, all, left } = trap();
    for (const word of all) {
      const { stdout } = await stage().store.succeed(
        [
          ..."run --rm --quiet --network none".split(" "),
          ...["--env", "--label", "--annotation"].flatMap((name) => [name, `word=${word}`]),
          ...["busybox", "printf", "%s", word],
        ],
        { cwd: directory },
      );
      expect(stdout).toBe(word);
      for (const refused of [
        ["--hostname", word],
        ["--name", word],
        ["--entrypoint", word],
        ["--network", word],
        ["--user", word],
        ["--workdir", `/${word}`, "--entrypoint", "/absent"],
        ["--pidfile", join(directory, "absent", word)],
        ["--device", word],
        ["--security-opt", `seccomp=${word}`],
        ["--publish", `${word}:80`],
        ["--sysctl", `net.x=${word}`],
      ]) {
        const { status } = await stage().store.run(
          [..."run --rm --quiet".split(" "), ...refused, "busybox", "true"],
          { cwd: directory },
        );
        expect(status, refused.join(" ")).not.toBe(0);
      }
    }
    expect(left()).toEqual([]);
  });

  it("are names of volumes' directories, of the store and of the runtime's directory", async () => {
    const { directory, all, left } = trap();
    const names = all.map((word) => word.replaceAll("/", "_"));
    // A colon or a comma would end the source of a volume; none of these has one.
    for (const [index, name] of names.entries()) {
      const place = join(directory, `${index}`, name);
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, "file"), "read\n");
      const env = { TSMAN_ROOT: join(place, "data"), TSMAN_RUNTIME_DIR: join(place, "run") };
      const args = [
        "run",
        "--rm",
        "--quiet",
        "--volume",
        `${place}:/v`,
        "busybox",
        "cat",
        "/v/file",
      ];
      const { stdout } = await stage().store.succeed(args, { cwd: directory, env });
      expect(stdout).toBe("read\n");
      await stage().store.succeed(["system", "reset", "--force"], { cwd: directory, env });
    }
    expect(left().toSorted()).toEqual(names.map((_, index) => `${index}`).toSorted());
  });

  it("are what an image's configuration says, for the container alone", async () => {
    const { directory, all, left } = trap();
    const image = stage().image({
      config: {
        Env: ["PATH=/usr/bin:/bin", ...all.map((word, index) => `V${index}=${word}`)],
        Labels: Object.fromEntries(all.map((word) => [word, word])),
        Cmd: ["printf", "%s.", ...all],
        StopSignal: "SIGTERM",
      },
    });
    const { stdout } = await stage().store.succeed(
      ["run", "--rm", "--quiet", "--network", "none", image],
      { cwd: directory },
    );
    expect(stdout).toBe(all.map((word) => `${word}.`).join(""));
    expect(left()).toEqual([]);
  });
});
