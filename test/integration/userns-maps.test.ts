import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { expectedIdMap } from "../support/subordinate-ids.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { busyboxLayer } from "./served-images.ts";
import { useStore } from "./support.ts";

const store = useStore();
const words = (text: string) => text.split(" ");

interface Line {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

function parsed(text: string): Line[] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/ +/).map(Number))
    .map(([inside = -1, outside = -1, count = -1]) => ({ inside, outside, count }));
}

it("auto gives each container ids of its own, and files their owners", async () => {
  const show = "cat /proc/self/uid_map; stat -c %u:%g /bin/busybox; touch /x; stat -c %u /x";
  const maps: Line[] = [];
  for (const name of ["one", "two"]) {
    const run = words(
      `run --quiet --network none --userns auto:size=1500 --name ${name} busybox sh -c`,
    );
    const { stdout } = await store().succeed([...run, show]);
    const [line = "", ...rest] = stdout.trim().split("\n");
    expect(rest).toEqual(["0:0", "0"]);
    maps.push(...parsed(line));
  }
  const [first, second] = maps as [Line, Line];
  expect(maps.map(({ inside, count }) => [inside, count])).toEqual([
    [0, 1500],
    [0, 1500],
  ]);
  expect(second.outside).toBeGreaterThanOrEqual(first.outside + 1500);
  // The layers are kept for each mapping, and taken again.
  const layers = () => readdirSync(join(store().root, "layers")).length;
  const before = layers();
  await store().succeed(words("rm one two"));
  const again = await store().succeed(
    words("run --rm --quiet --network none --userns auto:size=1500 busybox cat /proc/self/uid_map"),
  );
  expect(parsed(again.stdout)[0]?.outside).toBe(first.outside);
  expect(layers()).toBe(before);
  await store().succeed(words("system prune --force"));
  const left = readdirSync(join(store().root, "layers")).filter(
    (key) => readdirSync(join(store().root, "layers", key)).length > 0,
  );
  expect(left.length).toBeLessThan(before);
  await store().succeed(words("run --rm --quiet --network none --userns auto busybox true"));
});

it("auto takes as many ids as the image has users, but for those that no image means", async () => {
  await using served = await startFaultyRegistry();
  const files = new TarBuilder()
    .file(
      "etc/passwd",
      "root:x:0:0::/:/bin/sh\nlast:x:3000:10::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n" +
        "huge:x:4000000000:1::/:/bin/sh\nbroken\n",
    )
    .file("etc/group", "root:x:0:\nstaff:x:3499:last\nnogroup:x:65534:\n")
    .build();
  // Of a layer above only what is a file there counts: a link leads nowhere else.
  const above = new TarBuilder().symlink("etc/group", "/../../../../../../../etc/group").build();
  const image = (name: string, layers: readonly Buffer[]) => {
    addImage(served, { name, layers: [busybox, ...layers] });
    return `${served.host}/${name}`;
  };
  const busybox = await busyboxLayer();
  const size = async (name: string) => {
    const { stdout } = await store().succeed(
      words(`run --rm --quiet --network none --userns auto ${name} cat /proc/self/uid_map`),
    );
    return parsed(stdout).reduce((sum, { count }) => sum + count, 0);
  };
  expect(await size(image("users", [files]))).toBe(3500);
  expect(await size(image("linked", [files, above]))).toBe(3500);
  expect(
    await size(
      image("users-no-group", [new TarBuilder().file("etc/passwd", "a:x:2000:1::/:\n").build()]),
    ),
  ).toBe(2001);
});

it("containers that start at once get different ids", async () => {
  const names = ["a", "b", "c"];
  const create = (name: string) =>
    store().succeed(words(`create --quiet --network none --userns auto --name ${name} busybox`));
  await Promise.all(names.map(create));
  const starts = await Promise.all(
    names.map(async (name) => {
      const format = "{{json .HostConfig.IDMappings.UidMap}}";
      return (await store().succeed(["inspect", "--format", format, name])).stdout;
    }),
  );
  expect(new Set(starts).size).toBe(3);
  await store().succeed(["rm", ...names]);
});

it("--uidmap maps what it says, from the caller's own ids, and nothing else", async () => {
  const own = expectedIdMap("uid");
  const you = own.find(({ inside }) => inside === 0)?.outside ?? -1;
  const next = own.find(({ inside }) => inside === 1)?.outside ?? -1;
  const run = words(
    "run --rm --quiet --network none --uidmap 0:1:100 --uidmap 1000:0:1 busybox cat",
  );
  const { stdout } = await store().succeed([...run, "/proc/self/uid_map"]);
  expect(parsed(stdout)).toEqual([
    { inside: 0, outside: next, count: 100 },
    { inside: 1000, outside: you, count: 1 },
  ]);
  const refused = async (...options: string[]) => {
    const result = await store().run(["run", "--rm", "--quiet", ...options, "busybox", "true"]);
    expect(result.status).toBe(125);
    return result.stderr;
  };
  expect(await refused("--uidmap", "0:0:99999999")).toContain("not all of these ids are yours");
  expect(await refused("--uidmap", "0:@0:1")).toContain("not all of these ids are yours");
  expect(await refused("--uidmap", "5:0:1")).toContain("maps no uid 0");
  expect(await refused("--uidmap", "0:0:1", "--userns", "auto")).toContain("exclude each other");
  expect(await refused("--subuidname", "no-such-user")).toContain("has no range");
});
