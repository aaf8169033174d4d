import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { until } from "../support/wait.ts";
import { skopeoIn } from "./skopeo.ts";
import { useStore } from "./support.ts";

const store = useStore();
const rootfs = (text: string) =>
  new TarBuilder().dir("etc").file("etc/who", text, { uid: 7, gid: 8 }).build();

/** What an imported image says about itself. */
async function inspect(image: string) {
  const { stdout } = await store().succeed(["inspect", "--format", "json", image]);
  return JSON.parse(stdout)[0];
}

describe("an archive that is imported", () => {
  it.each([
    ["as it is", (bytes: Buffer) => bytes, "tar"],
    ["gzip", gzipSync, "tar+gzip"],
    ["zstd", zstdCompressSync, "tar+zstd"],
  ])("(%s) is an image that skopeo copies, byte for byte as it came", async (how, pack, type) => {
    const name = how.replace(/ /g, "-");
    const file = join(store().scratch, `${name}.tar`);
    const archive = pack(rootfs(name));
    writeFileSync(file, archive);
    const { stdout } = await store().succeed(["import", "-q", file, `imported/${name}:1`]);
    const { Id, RepoTags } = await inspect(`imported/${name}:1`);
    expect(stdout).toBe(`sha256:${Id.replace("sha256:", "")}\n`);
    expect(RepoTags).toEqual([`localhost/imported/${name}:1`]);
    await store().succeed(["push", "-q", `imported/${name}:1`, `oci:${name}:it`]);
    const skopeo = skopeoIn(store());
    await skopeo.copy(`oci:${name}:it`, `dir:${name}-dir`);
    const [layer] = JSON.parse(await skopeo.raw(`oci:${name}:it`)).layers;
    expect(layer.mediaType).toBe(`application/vnd.oci.image.layer.v1.${type}`);
    expect(layer.size).toBe(archive.length);
  });

  it("from a pipe gets the changes, the message and the platform", async () => {
    const changes = ["ENV A=b", 'CMD ["/bin/x"]', "LABEL of=test"].flatMap((one) => ["-c", one]);
    const { stdout } = await store().succeed(
      ["import", "-q", "-m", "a message", "--arch", "riscv64", "--os", "linux", ...changes, "-"],
      { input: rootfs("changed") },
    );
    const image = await inspect(stdout.trim());
    expect(image).toMatchObject({ Architecture: "riscv64", Os: "linux", RepoTags: [] });
    expect(image.Config).toMatchObject({ Env: ["A=b"], Cmd: ["/bin/x"], Labels: { of: "test" } });
    const history = await store().succeed(["history", "--format", "json", stdout.trim()]);
    expect(history.stdout).toContain("a message");
    expect(history.stdout).toContain("ADD file:");
  });

  it("may lie behind an address, whose query stays secret", async () => {
    await using server = createServer((request, response) => {
      if (!request.url?.startsWith("/there")) response.writeHead(404).end();
      else response.end(gzipSync(rootfs("served")));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await store().succeed(["import", "-q", `${base}/there?token=secret`, "served"]);
    const { stdout } = await store().succeed(["history", "--no-trunc", "served"]);
    expect(stdout).toContain(`Imported from ${base}/there`);
    expect(stdout).not.toContain("secret");
    const missing = await store().run(["import", `${base}/gone?token=secret`]);
    expect(missing.status).toBe(125);
    expect(missing.stderr).toContain("status 404");
    expect(missing.stderr).not.toContain("secret");
  });

  it.each<[string, string[], Buffer, string]>([
    ["nothing", ["-"], Buffer.alloc(0), "it is empty"],
    ["no archive", ["-"], Buffer.alloc(2048, "x"), "not a tar archive"],
    ["a part", ["-"], rootfs("x").subarray(0, 600), "is truncated"],
    ["a part of a compressed one", ["-"], gzipSync(rootfs("x")).subarray(0, 40), "decompress"],
    ["xz", ["-"], Buffer.from("\xfd7zXZ\0", "latin1"), "something else than gzip or zstd"],
    ["a wrong name", ["-", "A:b"], rootfs("x"), "does not belong in a name"],
    ["a wrong change", ["-c", "FROM x", "-"], rootfs("x"), "not an instruction"],
    ["a missing file", ["not-there"], Buffer.alloc(0), "no such file"],
    ["plain http", ["http://example.com/x"], Buffer.alloc(0), "anybody on the way"],
    ["another scheme", ["ftp://x/y"], Buffer.alloc(0), "only https://"],
    ["credentials", ["https://me:pw@x/y"], Buffer.alloc(0), "without credentials"],
  ])("that is %s is refused and leaves nothing", async (_what, args, input, why) => {
    await store().succeed(["images", "-q"]);
    const contents = () =>
      readdirSync(join(store().root, "blobs"), { recursive: true, encoding: "utf8" }).toSorted();
    const before = contents();
    const { status, stderr } = await store().run(["import", ...args], { input });
    expect(status).toBe(125);
    expect(stderr).toContain(why);
    expect(stderr).not.toContain("me:pw");
    expect(contents()).toEqual(before);
  });

  it("and interrupted ends though nobody writes any more", async () => {
    const importing = store().start(["import", "-"]);
    importing.write(rootfs("cut").subarray(0, 512));
    const partials = join(store().root, "blobs/partial");
    await until("the import to begin", () =>
      existsSync(partials) && readdirSync(partials).length > 0 ? true : undefined,
    );
    importing.child.kill("SIGINT");
    expect((await importing.ended).status).toBe(130);
    expect(readdirSync(partials)).toEqual([]);
  });
});
