import { describe, expect, it } from "vitest";
import { useStore } from "./support.ts";

const store = useStore();
const words = (text: string) => text.split(" ");

async function lines(...args: string[]): Promise<string[]> {
  const { stdout } = await store().succeed(["diff", ...args]);
  return stdout.split("\n").slice(0, -1);
}

/** Makes a container that has run `script`, and an image of the same name of it. */
async function changed(name: string, script: string): Promise<void> {
  const image = name.startsWith("second") ? "localhost/first" : "busybox";
  await store().succeed([
    ...words(`run --quiet --network none --name ${name} ${image} sh -c`),
    script,
  ]);
  await store().succeed(["commit", "--quiet", name, `localhost/${name}`]);
}

const dated = (content: string) => `echo ${content} >/same; touch -d @1000000000 /same`;

describe("diff", () => {
  it("compares an image with the layer below its own, with another image or a container", async () => {
    await changed("first", `echo new >/etc/new; rm /etc/passwd; mkdir /srv; ${dated("one")}`);
    await changed("second", `rm /etc/new; echo k >/srv/k; ${dated("two")}`);
    const first = ["C /etc", "A /etc/new", "D /etc/passwd", "A /same", "A /srv"];
    expect(await lines("localhost/first")).toEqual(first);
    expect(await lines("first")).toEqual(first);
    expect(await lines("localhost/first", "busybox")).toEqual(first);
    expect(await lines("first", "busybox")).toEqual(first);
    expect(await lines("localhost/first", "first")).toEqual([]);
    // The other way round what was added is gone.
    const inverse = ["C /etc", "D /etc/new", "A /etc/passwd", "D /same", "D /srv"];
    expect(await lines("busybox", "localhost/first")).toEqual(inverse);
    expect(await lines("busybox", "first")).toEqual(inverse);
    // Over several layers: what the lower of two has added and the upper has removed again is none.
    const second = ["C /etc", "D /etc/passwd", "A /same", "A /srv", "A /srv/k"];
    expect(await lines("localhost/second", "busybox")).toEqual(second);
    expect(await lines("second", "busybox")).toEqual(second);
    // Same size and time, another content.
    const step = ["C /etc", "D /etc/new", "C /same", "C /srv", "A /srv/k"];
    expect(await lines("localhost/second")).toEqual(step);
    expect(await lines("localhost/second", "localhost/first")).toEqual(step);
    expect(await lines("second", "first")).toEqual(step);
    expect(await lines("--latest")).toEqual(step);
  });

  it("has one JSON document, empty where nothing differs", async () => {
    const json = async (...args: string[]) =>
      JSON.parse((await store().succeed(["diff", "--format=json", ...args])).stdout) as unknown;
    expect(await json("busybox", "busybox")).toEqual({});
    const bottom = (await json("busybox")) as Record<string, string[]>;
    expect(Object.keys(bottom)).toEqual(["added"]);
    expect(bottom.added).toEqual(expect.arrayContaining(["/bin", "/bin/busybox"]));
  });

  it("says what it cannot find, and takes only what the command is about", async () => {
    await store().succeed(words("create --quiet --name box busybox"));
    for (const [command, what] of [
      ["diff nothing", "no such container or image"],
      ["diff box nothing", "no such container or image"],
      ["image diff box", "no such image"],
      ["image diff busybox box", "no such image"],
      ["container diff busybox", "no such container"],
      ["container diff box busybox", "no such container"],
      ["diff", "name a container or an image, or use --latest"],
      ["diff --latest box", "exclude each other"],
      ["diff a b c", "nothing is done with"],
    ] as const) {
      const { status, stdout, stderr } = await store().run(words(command));
      expect([command, status, stdout]).toEqual([command, 125, ""]);
      expect(stderr).toContain(what);
    }
  });
});
