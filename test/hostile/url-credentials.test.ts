import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useStore } from "../integration/support.ts";
import { TarBuilder } from "../support/tar-builder.ts";

// S62: CVE-2023-26054 (an address with a password in it, in what is kept of an image and shown to
// others).
const store = useStore();
const secret = "hunter2-never-kept";

/** Every file of the store, and what commands tell of the image. */
async function expectNothingKept(): Promise<void> {
  const data = store().root;
  for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    expect(readFileSync(file).includes(secret), file).toBe(false);
  }
  for (const args of [["events", "--stream=false"], ["images", "--format", "json"], ["info"]]) {
    expect((await store().succeed(args)).stdout).not.toContain(secret);
  }
}

describe("an address with a password", () => {
  it.each([
    ["pull", `me:${secret}@127.0.0.1:1/x`],
    ["pull", `https://me:${secret}@127.0.0.1:1/x`],
    ["pull", `docker://me:${secret}@localhost/x:tag`],
    ["run", `me:${secret}@127.0.0.1:1/x`],
    ["login", `https://me:${secret}@127.0.0.1:1`],
    ["import", `https://me:${secret}@127.0.0.1:1/x`],
  ])("(%s %s) is refused, and not repeated", async (verb, address) => {
    const { status, stdout, stderr } = await store().run([verb, address], { input: "" });
    expect(status).toBe(125);
    expect(stdout + stderr).not.toContain(secret);
    await expectNothingKept();
  });

  it("as a mirror's is refused, and not repeated", async () => {
    const directory = join(store().scratch, "mirrored/tsman");
    mkdirSync(directory, { recursive: true });
    const mirror = `[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\n`;
    writeFileSync(
      join(directory, "config.toml"),
      `${mirror}location = "me:${secret}@127.0.0.1:1"\n`,
    );
    const { status, stdout, stderr } = await store().run(["pull", "a.example/x"], {
      env: { XDG_CONFIG_HOME: join(store().scratch, "mirrored") },
    });
    expect(status).toBe(125);
    expect(stderr).toContain("location is wrong");
    expect(stdout + stderr).not.toContain(secret);
  });

  it("as a proxy's is used, and not told", async () => {
    const seen: string[] = [];
    await using server = createServer();
    server.on("connect", ({ headers }, socket) => {
      seen.push(String(headers["proxy-authorization"]));
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const env = { https_proxy: `http://me:${secret}@127.0.0.1:${port}` };
    const { status, stdout, stderr } = await store().run(["pull", "registry.example/x"], { env });
    expect(status).toBe(125);
    expect(seen).toContain(`Basic ${Buffer.from(`me:${secret}`).toString("base64")}`);
    expect(stdout + stderr).not.toContain(secret);
    for (const args of [["config", "show"], ["info"], ["doctor"]]) {
      expect((await store().run(args, { env })).stdout).not.toContain(secret);
    }
    await expectNothingKept();
  });

  it("of an import has its query left out of the image's history", async () => {
    const archive = new TarBuilder().file("who", "x").build();
    await using server = createServer((_, response) => response.end(archive));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const address = `http://127.0.0.1:${port}/x.tar?token=${secret}`;
    const { stdout, stderr } = await store().succeed(["import", address, "imported:1"]);
    const history = await store().succeed(["history", "--no-trunc", "imported:1"]);
    const inspected = await store().succeed(["inspect", "imported:1"]);
    expect(stdout + stderr + history.stdout + inspected.stdout).not.toContain(secret);
    await expectNothingKept();
  });
});
