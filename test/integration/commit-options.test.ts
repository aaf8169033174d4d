import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { useStore } from "./support.ts";

const store = useStore();
const words = (text: string) => text.split(" ");

interface ImageDocument {
  readonly Id: string;
  readonly Author: string;
  readonly Comment: string;
  readonly ManifestType: string;
  readonly Config: Readonly<Record<string, unknown>>;
  readonly RootFS: { readonly Layers: readonly string[] };
  readonly History: readonly Readonly<Record<string, unknown>>[];
}

async function inspect(image: string): Promise<ImageDocument> {
  const { stdout } = await store().succeed(["image", "inspect", image]);
  const [document] = JSON.parse(stdout) as [ImageDocument];
  return document;
}

it("commit makes an image that runs as the container did, with the changes asked for", async () => {
  await store().succeed([
    ...words("run -d --quiet --network none --name made -e RUN=1 -l run=yes -u 1000 -w /tmp"),
    ...words("--expose 77 -v /anonymous -v named:/named --stop-signal INT --entrypoint sleep"),
    ...words("busybox 1000"),
  ]);
  await store().succeed(words("exec -u 0 made sh -c").concat("echo changed >/srv-file"));

  const plain = (await store().succeed(words("commit --quiet made localhost/plain"))).stdout;
  const asRun = await inspect("localhost/plain");
  expect(plain.trim()).toBe(asRun.Id);
  expect(asRun.ManifestType).toBe("application/vnd.oci.image.manifest.v1+json");
  expect(asRun.Config).toMatchObject({
    Cmd: ["1000"],
    Entrypoint: ["sleep"],
    Env: expect.arrayContaining(["RUN=1"]) as unknown,
    ExposedPorts: { "77/tcp": {} },
    Labels: { run: "yes" },
    StopSignal: "INT",
    User: "1000",
    Volumes: { "/anonymous": {} },
    WorkingDir: "/tmp",
  });
  expect(asRun.RootFS.Layers).toHaveLength(2);

  const iidFile = join(store().scratch, "iid");
  const changes = [
    'CMD ["cat", "/srv-file"]',
    "ENTRYPOINT ",
    'ENV A=1 B="two words"',
    "EXPOSE 80 90/udp",
    "LABEL k=v",
    "ONBUILD RUN x",
    "STOPSIGNAL SIGTERM",
    "USER 5:6",
    "VOLUME /data",
    "WORKDIR /",
  ];
  await store().succeed([
    ...words("commit --quiet --pause --format docker --squash --include-volumes"),
    ...["--author", "Me <me@here>", "--message", "what I did", "--iidfile", iidFile],
    ...changes.flatMap((change) => ["--change", change]),
    ...words("made localhost/changed"),
  ]);
  const changed = await inspect("localhost/changed");
  expect(readFileSync(iidFile, "utf8")).toBe(changed.Id);
  expect(changed.ManifestType).toBe("application/vnd.docker.distribution.manifest.v2+json");
  expect(changed).toMatchObject({ Author: "Me <me@here>", Comment: "what I did" });
  expect(changed.RootFS.Layers).toHaveLength(1);
  expect(changed.History).toEqual([
    expect.objectContaining({ author: "Me <me@here>", comment: "what I did" }),
  ]);
  expect(changed.Config).toMatchObject({
    Cmd: ["cat", "/srv-file"],
    Env: expect.arrayContaining(["RUN=1", "A=1", "B=two words"]) as unknown,
    ExposedPorts: { "77/tcp": {}, "80/tcp": {}, "90/udp": {} },
    Labels: { run: "yes", k: "v" },
    StopSignal: "SIGTERM",
    User: "5:6",
    Volumes: { "/anonymous": {}, "/named": {}, "/data": {} },
    WorkingDir: "/",
  });
  expect(changed.Config.Entrypoint ?? null).toBeNull();
  // It goes on after the pause, and the image runs.
  expect((await store().succeed(words("ps --format {{.State}}"))).stdout).toBe("running\n");
  const run = await store().succeed(words("run --rm --quiet --network none localhost/changed"));
  expect(run.stdout).toBe("changed\n");
  await store().succeed(words("rm --force --time 0 made"));
});
