import { expect, it } from "vitest";
import { names } from "../../images/non-utf8/recipe.ts";
import { mergedTree } from "../../images/whiteouts/recipe.ts";
import { registry, useStore } from "./support.ts";

// What a container sees of the recipes' images: layers merged by the kernel, process configuration
// merged by tsman.

const store = useStore();

/** Runs the image, by default with its own command, without a network. */
async function runImage(name: string, ...command: string[]) {
  const reference = `${registry()}/${name}`;
  const args = ["run", "--rm", "--quiet", "--network=none", reference, ...command];
  return await store().succeed(args, { timeout: 150_000 });
}

it("every whiteout and opaque directory hides what it should, and no more", async () => {
  const { stdout } = await runImage("whiteouts");
  const found = stdout.trimEnd().split("\n");
  expect(found.map((path) => path.slice(1)).sort()).toEqual(mergedTree);
  const contents = await runImage("whiteouts", "sh", "-c", "cat $(find /data -type f)");
  expect(contents.stdout).not.toContain("old");
});

it("an image of 121 layers shows the files of all, and the last version of each", async () => {
  const { stdout } = await runImage("many-layers", "sh", "-c", "ls /layers | wc -l; cat /last");
  expect(stdout).toBe("120\n120\n");
}, 180_000);

it("replacing one name of a file leaves its other names alone", async () => {
  const script = "cd /links; cat original second deep/third across link";
  const { stdout } = await runImage("hardlinks", "sh", "-c", script);
  expect(stdout).toBe("two\none\none\none\ntwo\n");
});

it("owners, modes and setuid bits are those of the image", async () => {
  const script = "cd /special; stat -c '%a %u:%g' setuid setgid setuid-of-user sticky secret fifo";
  const { stdout } = await runImage("special", "sh", "-c", script);
  expect(stdout.trimEnd().split("\n")).toEqual([
    "4755 0:0",
    "2755 0:1001",
    "6755 1000:1001",
    "1777 0:0",
    "0 0:0",
    "620 1000:1001",
  ]);
});

it("names that are no UTF-8 can be listed and read", async () => {
  const { stdoutBytes } = await runImage(
    "non-utf8",
    "sh",
    "-c",
    "cd /names; for f in *; do cat \"./$f\"; printf '\\0'; done",
  );
  const found = stdoutBytes
    .toString("latin1")
    .split("\0")
    .slice(0, -1)
    .map((name) => Buffer.from(name, "latin1").toString("hex"));
  expect(found.sort()).toEqual(names.map((name) => name.toString("hex")).sort());
});

it("USER by name brings its primary and supplementary groups", async () => {
  const { stdout } = await runImage("user-by-name");
  expect(stdout).toBe("uid=1000(app) gid=1001(app) groups=29(audio),44(video),1001(app)\n");
  const home = await runImage("user-by-name", "sh", "-c", "pwd; echo $HOME; cat mine");
  expect(home.stdout).toBe("/home/app\n/home/app\napp\n");
});

it("ENTRYPOINT gets CMD as arguments, in a WORKDIR that is made, with ENV", async () => {
  const { stdout } = await runImage("entrypoint-cmd");
  const [first, ...environment] = stdout.trimEnd().split("\n");
  expect(first).toBe("entrypoint: env");
  expect(environment).toEqual(
    expect.arrayContaining([
      "GREETING=hello world",
      "EMPTY=",
      "EQUALS=a=b=c",
      "PWD=/work/not/there",
    ]),
  );
});

it("arguments replace CMD and leave ENTRYPOINT", async () => {
  const { stdout } = await runImage("entrypoint-cmd", "echo", "one two", "-x");
  expect(stdout).toBe("entrypoint: echo one two -x\none two -x\n");
});

it("a VOLUME begins with what the image has there, owner and mode included", async () => {
  const script =
    "stat -c '%a %u:%g' /data; cat /data/from-image; grep -c ' /data ' /proc/self/mountinfo";
  const { stdout } = await runImage("entrypoint-cmd", "sh", "-c", script);
  expect(stdout.split("\n").slice(1, 4)).toEqual(["750 1000:1000", "from image", "1"]);
});

it.each([
  ["zstd", "/compressed-with", "zstd\n"],
  ["uncompressed", "/compressed-with", "nothing\n"],
  ["docker-v2s2", "/format", "docker\n"],
  ["shared-base-a", "/which", "a\n"],
  ["shared-base-b", "/which", "b\n"],
])("%s is pulled by run and runs", async (name, file, content) => {
  expect((await runImage(name, "cat", file)).stdout).toBe(content);
});

it("the platform that was asked for is the one that runs", async () => {
  const reference = `${registry()}/multi-platform`;
  const own = await runImage("multi-platform");
  expect(own.stdout).toBe(process.arch === "arm64" ? "linux/arm64/v8\n" : "linux/amd64\n");
  // Its busybox is this host's: only the label differs.
  const args = ["run", "--rm", "--quiet", "--network=none", "--platform=linux/riscv64", reference];
  expect((await store().succeed(args)).stdout).toBe("linux/riscv64\n");
  // From then on the name means that one, which is said to who did not ask for it.
  const again = await store().run(["run", "--rm", "--network=none", reference]);
  expect(again).toMatchObject({ status: 0, stdout: "linux/riscv64\n" });
  expect(again.stderr).toMatch(
    /^tsman: warning: image .*multi-platform.* linux\/riscv64, this mach/,
  );
});
