import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { registry, tsmanPath, useStore } from "./support.ts";

const store = useStore();
const words = (text: string) => text.split(" ");

const run = async (text: string) => await store().run(words(text));
const succeed = async (text: string) => (await store().succeed(words(text))).stdout;

async function namesOf(image: string): Promise<string[]> {
  const format = "{{range .RepoTags}}{{.}} {{end}}";
  const { stdout } = await store().run(["image", "inspect", "--format", format, image]);
  return stdout.trim().split(" ").filter(Boolean);
}

describe("names of images", () => {
  it("are given, moved and taken away, one or all", async () => {
    await succeed("tag busybox one two:2 localhost:5000/team/three");
    const { stdout: id } = await store().succeed(words("images -q --no-trunc busybox"));
    expect(await namesOf(id.trim())).toEqual([
      "localhost/busybox:latest",
      "localhost/one:latest",
      "localhost/two:2",
      "localhost:5000/team/three:latest",
    ]);
    await succeed("untag busybox two:2");
    const refused = await run("untag busybox one nosuch");
    expect([refused.status, refused.stderr]).toEqual([
      125,
      expect.stringContaining("nosuch is not its name"),
    ]);
    expect(await namesOf("one")).toContain("localhost/one:latest");
    const digest = await run(`tag busybox x@sha256:${"a".repeat(64)}`);
    expect(digest.stderr).toContain("a digest is what an image has by itself");
    expect((await run("tag busybox good Bad")).status).toBe(125);
    expect((await run("image exists good")).status).toBe(1);
    await succeed("untag one");
    expect(await namesOf(id.trim())).toEqual([]);
    expect(await succeed("images -q --filter dangling=true --no-trunc")).toBe(id);
    expect((await run("image exists one")).status).toBe(1);
    await succeed(`tag ${id.trim().slice(7, 19)} busybox`);
    expect(await namesOf("busybox")).toEqual(["localhost/busybox:latest"]);
  });

  it("go one by one with rmi, and the image with its last one", async () => {
    const image = `${registry()}/shared-base-a`;
    await succeed(`pull --quiet ${image}`);
    await succeed(`tag ${image} a b`);
    const id = (await succeed(`images -q --no-trunc ${image}`)).trim();
    expect(await succeed("rmi a")).toBe("Untagged: localhost/a:latest\n");
    const several = await run(`rmi ${id}`);
    expect([several.status, several.stderr]).toEqual([
      125,
      expect.stringContaining("it has several names"),
    ]);
    await succeed("rmi b");
    await succeed(`create --name keeper --network none ${image} true`);
    const used = await run(`rmi --no-prune ${image}`);
    expect([used.status, used.stderr]).toEqual([
      2,
      expect.stringContaining("used by container keeper"),
    ]);
    expect(await succeed("image prune --all --force --filter label=nosuch")).toBe("");
    const digest = await succeed(`images --format {{.Digest}} ${image}`);
    expect(await succeed(`rmi --force ${image}@${digest.trim()}`)).toBe(
      `Untagged: ${image}:latest\nDeleted: ${id.slice(7)}\n`,
    );
    expect((await run("container exists keeper")).status).toBe(1);
    expect((await run(`rmi ${image}`)).status).toBe(1);
    expect((await run(`rmi --ignore ${image}`)).status).toBe(0);
    expect(await run(`rmi --force ${image}`)).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });

  it("that are ids take nothing from the images of these ids", async () => {
    const [image, other] = [`${registry()}/shared-base-a`, `${registry()}/shared-base-b`];
    await succeed(`pull --quiet ${image}`);
    await succeed(`pull --quiet ${other}`);
    const id = (await succeed(`images -q --no-trunc ${image}`)).trim().slice(7);
    const short = id.slice(0, 12);
    // As an archive could name its image, too.
    await succeed(`tag ${other} ${id} docker.io/library/${id} ${short} docker.io/library/${short}`);
    await succeed(`manifest create ${id}:list`);
    await succeed(`tag ${id}:list docker.io/library/${id}:latest`);
    for (const text of [id, short, `sha256:${id}`]) {
      expect(await succeed(`image inspect --format {{.Id}} ${text}`)).toBe(`${id}\n`);
    }
    expect(await succeed(`rmi ${short}`)).toContain(`Deleted: ${id}`);
    await succeed(`image exists ${other}`);
    expect(await succeed(`rmi localhost/${short}`)).toContain(
      `Untagged: localhost/${short}:latest`,
    );
    await succeed(`manifest rm localhost/${id}:list`);
    await succeed(`rmi --force ${other}`);
  });

  it("are all left alone by --all beside a name", async () => {
    await succeed("tag busybox spared");
    for (const verb of ["rmi --all", "image mount --all", "image unmount --all"]) {
      const { status, stderr } = await run(`${verb} busybox`);
      expect([verb, status, stderr]).toEqual([
        verb,
        125,
        expect.stringContaining("--all and names exclude each other"),
      ]);
    }
    await succeed("rmi spared");
    await succeed("image exists busybox");
  });
});

describe("layers of images", () => {
  it("are told in history and tree, with those that share them", async () => {
    const [a, b] = ["shared-base-a", "shared-base-b"].map((name) => `${registry()}/${name}`);
    await succeed(`pull --quiet ${a}`);
    await succeed(`pull --quiet ${b}`);
    const history = JSON.parse(await succeed(`history --format json ${a}`)) as Record<
      string,
      unknown
    >[];
    expect(history.map(({ id }) => String(id).length)).toEqual([64, 9, expect.any(Number)]);
    expect(history.every(({ size }) => Number(size) > 0)).toBe(true);
    const tree = await succeed(`image tree ${a}`);
    expect(tree.match(/── ID: [0-9a-f]{12} Size: [0-9.]+k?M?B/g)).toHaveLength(3);
    expect(tree).toContain(`Top Layer of: [${a}:latest]`);
    await succeed(`rmi ${b}`);
    await succeed(`tag ${a} base`);
    const above = await succeed("image tree --whatrequires base");
    expect(above).toContain("Top Layer of: [");
  });

  it("are mounted read-only within unshare, with their owners", async () => {
    const image = `${registry()}/shared-base-a`;
    await succeed(`pull --quiet ${image}`);
    const outside = await run(`image mount ${image}`);
    expect([outside.status, outside.stderr]).toEqual([
      125,
      expect.stringContaining("tsman unshare"),
    ]);
    const script = `p=$("$0" image mount ${image}) && ls "$p" && stat -c %u "$p/bin"
      touch "$p/x" 2>/dev/null; echo $?
      "$0" image mount; "$0" image unmount --all; ls "$p"`;
    const { stdout } = await store().succeed(["unshare", "sh", "-c", script, tsmanPath]);
    expect(stdout).toMatch(
      /\nvar\nwhich\n0\n1\n\S+shared-base-a:latest \/\S+\/merged\n[0-9a-f]{64}\n$/,
    );
    expect(await succeed("system check")).toBe("");
    await succeed("rmi --all --force");
    const layers = readdirSync(join(store().root, "layers"));
    expect(layers.flatMap((key) => readdirSync(join(store().root, "layers", key)))).toEqual([]);
    expect(existsSync(join(store().root, "blobs/sha256"))).toBe(true);
  });
});
