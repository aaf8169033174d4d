import { describe, expect, test } from "vitest";
import type {
  DiskUsage,
  ImageHistoryStep,
  ImageSummary,
  Pruned,
  PruneOptions,
} from "../../../src/engine/types.ts";
import { TsmanError } from "../../../src/errors/index.ts";
import { run } from "../cli/fake-context.ts";
import { container, image } from "./sample.ts";

const busybox = image({
  id: `sha256:${"12".repeat(32)}`,
  names: ["localhost/busybox:latest", "localhost:5000/team/tools:v1"],
  createdAt: "2026-01-01T11:59:50Z",
  size: 2_134_016,
  labels: { built: "here" },
  containers: 2,
});
const nameless = image({
  id: `sha256:${"34".repeat(32)}`,
  names: [],
  createdAt: "2024-01-01T00:00:00Z",
});

function images(argv: string[], list: readonly ImageSummary[] = [image(), busybox, nameless]) {
  return run(["images", ...argv], { images: { list: async () => list } });
}

const list = image({ id: "56".repeat(32), kind: "list", names: ["localhost/multi:latest"] });
const listed = image({ id: `sha256:${"78".repeat(32)}`, kind: "listed", names: [] });

describe("images with a manifest list among them", () => {
  test.each([
    [["-q"], "565656565656\n"],
    [["-qa"], "565656565656\n787878787878\n"],
    [["-q", "--filter", "manifest=true"], "565656565656\n"],
    [["-qa", "--filter", "manifest=false"], "787878787878\n"],
    [["-qa", "--filter", "dangling=true"], ""],
    [["-qa", "--filter", "intermediate=true"], "787878787878\n"],
    [["--format", "{{.Names}} {{.IsManifestList}}"], "[localhost/multi:latest] true\n"],
  ])("images %j", async (argv, expected) => {
    expect((await images(argv, [list, listed])).stdout).toBe(expected);
  });
});

describe("images", () => {
  test("one line for each name, the newest first", async () => {
    expect((await images([])).stdout).toBe(
      "REPOSITORY                 TAG         IMAGE ID      CREATED         SIZE\n" +
        "localhost/busybox          latest      121212121212  10 seconds ago  2.13 MB\n" +
        "localhost:5000/team/tools  v1          121212121212  10 seconds ago  2.13 MB\n" +
        "docker.io/library/alpine   latest      abababababab  2 days ago      7.66 MB\n" +
        "<none>                     <none>      343434343434  2 years ago     7.66 MB\n",
    );
  });

  test.each([
    [["-q"], "121212121212\nabababababab\n343434343434\n"],
    [["-q", "alpine"], "abababababab\n"],
    [["-q", "team/*"], "121212121212\n"],
    [["-q", "-f", "reference=*:v1"], "121212121212\n"],
    [["-q", "-f", "dangling=true"], "343434343434\n"],
    [["-q", "-f", "label=built=here"], "121212121212\n"],
    [["-q", "-f", "since=alpine"], "121212121212\n"],
    [["--sort", "size", "-q"], "121212121212\nabababababab\n343434343434\n"],
    [["--format", "{{.Repository}}:{{.Tag}}", "alpine"], "docker.io/library/alpine:latest\n"],
    [
      ["--format", "{{.CreatedAt}} {{.IsReadOnly}}", "tools"],
      "2026-01-01 11:59:50 +0000 UTC false\n".repeat(2),
    ],
    [["-q", "nosuch"], ""],
    [["-aq", "-f", "reference!=*alpine*"], "121212121212\n343434343434\n"],
    [["-q", "-f", "label!=built"], "abababababab\n343434343434\n"],
    [["-q", "-f", "label=bui*=h*"], "121212121212\n"],
    [["-q", "-f", "dangling=false"], "121212121212\nabababababab\n"],
    [["-q", "-f", "before=alpine"], "343434343434\n"],
    [["-q", "-f", "after=343434"], "121212121212\nabababababab\n"],
    [["-q", "-f", "until=2025-01-01"], "343434343434\n"],
    [["-q", "-f", "id=1212"], "121212121212\n"],
    [["-q", "-f", "containers=true"], "121212121212\n"],
    [["-q", "-f", "containers=false"], "abababababab\n343434343434\n"],
    [["-q", "-f", "intermediate=true"], ""],
    [["-q", "-f", "readonly=false", "-f", "id=34"], "343434343434\n"],
    [["-q", "-f", `digest=sha256:${"cd".repeat(32)}`, "-f", "id=ab"], "abababababab\n"],
    [["--sort", "tag", "-n", "--format", "{{.Tag}}"], "<none>\nlatest\nlatest\nv1\n"],
    [
      ["--noheading", "--history", "alpine"],
      "docker.io/library/alpine  latest      abababababab  2 days ago  7.66 MB     docker.io/library/alpine:latest\n",
    ],
    [
      ["--format", '{{.CreatedAt}} {{.Size}} {{.VirtualSize}} {{index .Labels "built"}}', "team/*"],
      "2026-01-01 11:59:50 +0000 UTC 2.13 MB 2134016 here\n".repeat(2),
    ],
  ])("%j", async (argv, expected) => {
    expect((await images(argv)).stdout).toBe(expected);
  });

  test("--format json has Podman's members", async () => {
    const list: unknown = JSON.parse((await images(["--format", "json"], [image()])).stdout);
    expect(list).toMatchObject([
      {
        Id: "ab".repeat(32),
        RepoTags: ["docker.io/library/alpine:latest"],
        Size: 7_660_000,
        Created: 1_767_096_000,
        CreatedAt: "2025-12-30T12:00:00Z",
        Labels: null,
        Containers: 0,
        Names: ["docker.io/library/alpine:latest"],
        History: ["docker.io/library/alpine:latest"],
        VirtualSize: 7_660_000,
      },
    ]);
  });

  test.each([
    [["--sort", "colour"], "use one of: created, id, repository, size, tag"],
    [["-f", "colour=red"], "use one of: after, before, containers, dangling, digest, id"],
    [["-f", "dangling=maybe"], "neither true nor false"],
    [["-f", "before=nosuch"], "no such image"],
    [["--format", "{{.Bogus}}"], "no field .Bogus; there are .Containers .Created"],
  ])("%j is refused with what would be right", async (argv, right) => {
    const { status, stderr } = await images(argv);
    expect(status).toBe(125);
    expect(stderr).toContain(right);
  });
});

describe("rmi", () => {
  test("tells what went, and goes on after a failure", async () => {
    const { status, stdout, stderr } = await run(["rmi", "gone", "alpine"], {
      images: {
        remove: async (name) => {
          if (name === "gone")
            throw new TsmanError("IMAGE_NOT_FOUND", "remove gone: no such image");
          return { untagged: ["docker.io/library/alpine:latest"], deleted: [image().id] };
        },
      },
    });
    expect(status).toBe(1);
    expect(stdout).toBe(`Untagged: docker.io/library/alpine:latest\nDeleted: ${"ab".repeat(32)}\n`);
    expect(stderr).toContain("remove gone: no such image");
  });

  test("--ignore forgives what is not there", async () => {
    const remove = () => Promise.reject(new TsmanError("IMAGE_NOT_FOUND", "x"));
    expect((await run(["rmi", "--ignore", "gone"], { images: { remove } })).status).toBe(0);
  });
});

describe("history", () => {
  const steps: readonly ImageHistoryStep[] = [
    {
      id: image().id,
      createdAt: "2025-12-30T12:00:00Z",
      createdBy: `RUN ${"x".repeat(60)}`,
      author: "",
      comment: "buildkit",
      size: 2048,
      names: image().names,
    },
    { createdBy: "", author: "", comment: "", size: 0, names: [] },
    { createdBy: "", author: "", comment: "", size: 0, names: [] },
  ];
  const history = (...argv: string[]) =>
    run(["history", ...argv, "alpine"], { images: { history: async () => steps } });

  test("is Podman's table, with <missing> for a step without an image", async () => {
    expect((await history()).stdout).toBe(
      "ID            CREATED     CREATED BY                                     SIZE        COMMENT\n" +
        `abababababab  2 days ago  RUN ${"x".repeat(38)}...  2.05 kB     buildkit\n` +
        `<missing>                 ${" ".repeat(47)}0 B         \n`.repeat(2),
    );
  });

  test.each([
    [["-q"], "abababababab\n<missing>\n<missing>\n"],
    [
      ["--human=false", "--format", "{{.Created}} {{.Size}}"],
      "2025-12-30T12:00:00Z 2048\n 0\n 0\n",
    ],
    [["--no-trunc", "--format", "{{len .CreatedBy}}"], "64\n0\n0\n"],
  ])("%j", async (argv, expected) => {
    expect((await history(...argv)).stdout).toBe(expected);
  });

  test("--format json has Podman's members", async () => {
    expect(JSON.parse((await history("--format", "json")).stdout)).toEqual([
      {
        id: "ab".repeat(32),
        created: "2025-12-30T12:00:00Z",
        CreatedBy: `RUN ${"x".repeat(60)}`,
        tags: image().names,
        size: 2048,
        comment: "buildkit",
      },
      { id: "<missing>", size: 0 },
      { id: "<missing>", size: 0 },
    ]);
  });
});

describe("image tree", () => {
  test("draws layers upon layers", async () => {
    const leaf = { id: `sha256:${"ef".repeat(32)}`, size: 302_080, topOf: ["b"], children: [] };
    const layers = [{ ...leaf, id: image().id, topOf: [], children: [leaf, leaf] }, leaf];
    const tree = async () => ({ id: image().id, names: ["a", "c"], size: 2_438_144, layers });
    const { stdout } = await run(["image", "tree", "a"], { images: { tree } });
    expect(stdout).toBe(
      "Image ID: abababababab\nTags:     [a c]\nSize:     2.438MB\nImage Layers\n" +
        "├── ID: abababababab Size: 302.1kB\n" +
        "│   ├── ID: efefefefefef Size: 302.1kB Top Layer of: [b]\n" +
        "│   └── ID: efefefefefef Size: 302.1kB Top Layer of: [b]\n" +
        "└── ID: efefefefefef Size: 302.1kB Top Layer of: [b]\n",
    );
  });
});

describe("image prune", () => {
  const prune = async (...argv: string[]) => {
    let asked: PruneOptions | undefined;
    const fake = async function* (options: PruneOptions): AsyncGenerator<Pruned> {
      asked = options;
      yield { kind: "image", id: nameless.id };
      yield { kind: "image", id: "x", error: new TsmanError("PREFLIGHT_STORAGE", "remove x: no") };
    };
    const ran = await run(["image", "prune", ...argv], { system: { prune: fake } });
    return { ...ran, asked };
  };

  test("prints what is gone, and tells what could not be removed", async () => {
    const { status, stdout, stderr, asked } = await prune("--force");
    expect([status, stdout]).toEqual([125, `${"34".repeat(32)}\n`]);
    expect(stderr).toContain("remove x: no");
    expect(asked).toMatchObject({ images: "dangling" });
    expect((await prune("-af")).asked).toMatchObject({ images: "unused" });
  });

  test.each([
    [["until=2025-01-01"], [nameless]],
    [["until=2023-01-01"], []],
    [["label!=built"], [image(), nameless]],
    [["label=built"], [busybox]],
    [["label=built", "until=2020-01-01"], []],
  ])("%j removes these", async (filters, expected) => {
    const { asked } = await prune("--force", ...filters.flatMap((text) => ["--filter", text]));
    const accepted = [image(), busybox, nameless].filter((one) => asked?.accepts?.(one));
    expect(accepted).toEqual(expected);
  });

  test("refuses filters that it does not have", async () => {
    const { status, stderr } = await prune("--force", "--filter", "reference=x");
    expect(status).toBe(125);
    expect(stderr).toContain("use one of: until, label");
  });
});

describe("system df", () => {
  const sum = { size: 3_424_256, reclaimable: 356_352 };
  const usage: DiskUsage = {
    images: [
      { ...image(), size: 3_000_000, sharedSize: 1_000_000, containers: 1 },
      { ...nameless, size: 5, sharedSize: 0, containers: 0 },
    ],
    containers: [{ ...container(), usedSize: 2048 }],
    volumes: [{ name: "data", size: 9, links: 0 }],
    sums: { images: sum, containers: sum, volumes: sum, other: { size: 0, reclaimable: 0 } },
  };
  const df = async (...argv: string[]) =>
    (await run(["system", "df", ...argv], { system: { diskUsage: async () => usage } })).stdout;

  test("is Podman's table, and what belongs to none of its rows", async () => {
    expect(await df()).toBe(
      "TYPE           TOTAL       ACTIVE      SIZE        RECLAIMABLE\n" +
        "Images         2           1           3.424MB     356.4kB (10%)\n" +
        "Containers     1           1           3.424MB     356.4kB (10%)\n" +
        "Local Volumes  1           0           3.424MB     356.4kB (10%)\n" +
        "Other          0           0           0B          0B (0%)\n",
    );
    expect(await df("--format", "{{.Type}} {{.RawSize}}")).toContain("Images 3424256\n");
  });

  test("--verbose shows each thing", async () => {
    const text = await df("-v");
    expect(text).toMatch(/alpine +latest +abababababab +2 days +3MB +1MB +2MB +1\n/);
    expect(text).toMatch(/<none> +<none> +343434343434 +2 years +5B +0B +5B +0\n/);
    expect(text).toMatch(/data +0 +9B\n/);
    expect(JSON.parse(await df("-v", "--format", "json"))).toMatchObject({
      Images: [{ UniqueSize: 2_000_000 }, { Tag: "<none>" }],
      Containers: [{ Names: "web", Size: 2048 }],
      Volumes: [{ VolumeName: "data", ReclaimableSize: 9 }],
    });
    expect((await run(["system", "df", "-v", "--format", "{{.}}"])).status).toBe(125);
  });
});

describe("pull", () => {
  test("stdout carries the id only; progress goes to stderr unless --quiet", async () => {
    const pull = async (_: string, options: Parameters<PullImage>[1]) => {
      const digest = `sha256:${"ef".repeat(32)}`;
      options?.onProgress?.({ kind: "resolving", reference: "docker.io/library/alpine:latest" });
      options?.onProgress?.({ kind: "layer-start", digest, total: 3_000_000 });
      options?.onProgress?.({ kind: "layer-progress", digest, current: 1, total: 3_000_000 });
      options?.onProgress?.({ kind: "layer-done", digest });
      return { id: image().id };
    };
    const loud = await run(["pull", "alpine"], { images: { pull } });
    expect(loud.stdout).toBe(`${"ab".repeat(32)}\n`);
    expect(loud.stderr).toBe(
      "Pulling docker.io/library/alpine:latest\n" +
        "Layer efefefefefef: 3 MB\nLayer efefefefefef: done\n",
    );
    const quiet = await run(["pull", "-q", "alpine"], { images: { pull } });
    expect(quiet).toEqual({ ...loud, stderr: "" });
  });

  test("passes on what the options say", async () => {
    let seen: Parameters<PullImage>[1];
    const pull: PullImage = async (_, options) => {
      seen = options;
      return { id: "sha256:x" };
    };
    const argv = ["--platform", "linux/arm64", "--tls-verify=false", "--creds", "me:pa:ss", "x"];
    await run(["pull", ...argv], { images: { pull } });
    expect(seen).toMatchObject({
      platform: { os: "linux", architecture: "arm64" },
      tlsVerify: false,
      credentials: { username: "me", password: "pa:ss" },
      policy: "always",
    });
  });

  test("a refused --creds does not repeat the secret", async () => {
    const { stderr } = await run(["pull", "--creds", "hunter2", "x"]);
    expect(stderr).toContain("not USER:PASSWORD");
    expect(stderr).not.toContain("hunter2");
  });
});

type PullImage =
  typeof import("../../../src/engine/tsman.ts")["Tsman"]["prototype"]["images"]["pull"];
