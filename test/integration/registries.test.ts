import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { selfSigned } from "../support/certificate.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { addImage } from "../support/image-fixture.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { addRandomImage } from "./served-images.ts";
import { useStore } from "./support.ts";

const store = useStore();

let origin: FaultyRegistry;
let mirror: FaultyRegistry;

beforeEach(async () => {
  origin = await startFaultyRegistry();
  mirror = await startFaultyRegistry();
});

afterEach(async () => {
  await origin.close();
  await mirror.close();
});

/** Has the mirror asked before the origin. */
function useMirror(...more: readonly string[]): void {
  store().configure(
    "[[registry]]",
    `prefix = "${origin.host}"`,
    "[[registry.mirror]]",
    `location = "${mirror.host}/copy"`,
    ...more,
  );
}

/** Names and digests of all images that are no part of the installation. */
async function names(): Promise<string[]> {
  const format =
    "{{range .}}{{range .RepoTags}}{{.}} {{end}}{{range .RepoDigests}}{{.}} {{end}}{{end}}";
  const { stdout } = await store().succeed(["images", "--format", format]);
  return stdout.split(/\s+/).filter((name) => name !== "" && !name.startsWith("localhost/"));
}

describe("a mirror", () => {
  it("serves an image that keeps the registry's name", async () => {
    useMirror();
    const image = addImage(mirror, {
      name: "copy/team/app",
      layers: [new TarBuilder().file("mirrored", randomBytes(32)).build()],
    });
    await store().succeed(["pull", "-q", `${origin.host}/team/app`]);
    expect(origin.requests).toEqual([]);
    const expected = [`${origin.host}/team/app:latest`, `${origin.host}/team/app@${image.digest}`];
    expect(await names()).toEqual(expect.arrayContaining(expected));
  });

  it("that is down is passed over, and that is said", async () => {
    useMirror();
    const image = addRandomImage(origin);
    const { host } = mirror;
    await mirror.close();
    const { stderr } = await store().succeed(["pull", image.reference]);
    expect(stderr).toContain(`Trying ${image.reference}: connect to registry ${host}`);
    mirror = await startFaultyRegistry();
  });

  it("that sends another layer than it should is passed over for the registry", async () => {
    useMirror();
    const image = addRandomImage(origin, [2]);
    const [layer = ""] = image.blobs;
    for (const [key, manifest] of origin.content.manifests) {
      mirror.content.manifests.set(`copy/${key}`, manifest);
    }
    for (const [digest, blob] of origin.content.blobs) mirror.content.blobs.set(digest, blob);
    mirror.addBlobAs(layer, randomBytes(origin.content.blobs.get(layer)?.length ?? 0));
    const { stderr } = await store().succeed(["pull", image.reference]);
    expect(stderr).toContain("Trying ");
    expect(mirror.requestsOf("blob", layer)).toHaveLength(1);
    expect(origin.requestsOf("blob", layer).map(({ status }) => status)).toEqual([200]);
    expect(origin.requestsOf("manifest")).toEqual([]);
  });

  it("is not told the password that was given for the registry", async () => {
    useMirror();
    await mirror.close();
    await origin.close();
    const auth = { kind: "basic", username: "me", password: "geheim" } as const;
    origin = await startFaultyRegistry({ auth });
    mirror = await startFaultyRegistry({ auth });
    useMirror();
    const { reference } = addRandomImage(origin);
    await store().succeed(["pull", "-q", "--creds", "me:geheim", reference]);
    expect(mirror.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe("--tls-verify=false", () => {
  it("is not for mirrors, which the configuration calls insecure if they are (S57)", async () => {
    await using secret = await startFaultyRegistry({
      tls: selfSigned({ hosts: ["127.0.0.1"] }),
      share: origin,
    });
    const image = addRandomImage(origin);
    const rule = ["[[registry]]", `prefix = "${origin.host}"`, "[[registry.mirror]]"];
    store().configure(...rule, `location = "${secret.host}"`);
    const { stderr } = await store().succeed(["pull", "--tls-verify=false", image.reference]);
    expect(stderr).toContain(`the certificate of ${secret.host} is signed by no authority`);
    expect(secret.requests).toEqual([]);
    await store().succeed(["rmi", image.reference]);
    store().configure(...rule, `location = "${secret.host}"`, "insecure = true");
    await store().succeed(["pull", "-q", image.reference]);
    expect(secret.requestsOf("manifest")).toHaveLength(1);
    const refused = await store().succeed(["pull", "--tls-verify", image.reference]);
    expect(refused.stderr).toContain(`the certificate of ${secret.host}`);
  });
});

describe("a transfer that stands still", () => {
  it("is broken off after the time that is configured, and goes on where it stopped", async () => {
    store().configure("[transfer]", 'stall_timeout = "400ms"');
    const image = addRandomImage(origin, [2]);
    const [reference = ""] = image.blobs;
    const never = new Promise(() => {});
    const action = { kind: "hold", bytes: 1_000_000, until: never } as const;
    origin.fault({ on: "blob", reference, times: 1, action });
    const { stderr } = await store().succeed(["pull", image.reference]);
    expect(stderr).toContain("the transfer stalled");
    const [, second] = origin.requestsOf("blob", reference);
    expect(Number(/^bytes=(\d+)-/.exec(second?.range ?? "")?.[1])).toBeGreaterThan(0);
  });

  it("is an error at once where nothing is to be tried again", async () => {
    store().configure("[transfer]", "retries = 0", 'answer_timeout = "400ms"');
    const image = addRandomImage(origin);
    origin.fault({ on: "manifest", action: { kind: "hang" } });
    const result = await store().run(["pull", image.reference]);
    expect(result.stderr).toContain("no answer within the time allowed");
    expect(origin.requestsOf("manifest")).toHaveLength(1);
  });
});

describe("a registry", () => {
  it("that is blocked is not asked", async () => {
    store().configure("[[registry]]", `location = "${origin.host}"`, "blocked = true");
    const image = addRandomImage(origin);
    const result = await store().run(["pull", image.reference]);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain(`the configuration blocks ${origin.host}`);
    expect(origin.requests).toEqual([]);
  });

  it("may be elsewhere than its name says", async () => {
    store().configure(
      "[[registry]]",
      'prefix = "*.example.com"',
      `location = "${origin.host}/moved"`,
    );
    addImage(origin, { name: "moved/team/app", layers: [new TarBuilder().build()] });
    await store().succeed(["pull", "-q", "registry.example.com/team/app"]);
    expect(await names()).toContain("registry.example.com/team/app:latest");
  });
});

describe("a name without a registry", () => {
  it("is found at the second registry of the list, and from then on in the store", async () => {
    store().configure(`unqualified-search-registries = ["${mirror.host}", "${origin.host}"]`);
    addImage(origin, { name: "found", layers: [new TarBuilder().build()] });
    await store().succeed(["pull", "-q", "found"]);
    expect(await names()).toContain(`${origin.host}/found:latest`);
    const asked = origin.requests.length;
    await store().succeed(["create", "--pull", "missing", "found", "true"]);
    expect(origin.requests).toHaveLength(asked);
    await store().succeed(["rmi", "--force", "found"]);
    expect(await names()).not.toContain(`${origin.host}/found:latest`);
  });

  it("is what its alias says", async () => {
    store().configure("[aliases]", `tools = "${origin.host}/team/tools"`);
    addImage(origin, { name: "team/tools", tag: "2", layers: [new TarBuilder().build()] });
    await store().succeed(["pull", "-q", "tools:2"]);
    await store().succeed(["image", "exists", "tools:2"]);
    expect(await names()).toContain(`${origin.host}/team/tools:2`);
  });
});

describe("a configuration that is wrong", () => {
  it("stops what needs it with file, line and key, and nothing else", async () => {
    store().configure("[transfer]", "retrys = 1");
    const result = await store().run(["pull", `${origin.host}/a`]);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain(`${store().configHome}/tsman/config.toml:2: transfer.retrys`);
    expect(result.stderr).toContain("did you mean transfer.retries?");
    await store().succeed(["ps"]);
    const { stdout: report } = await store().run(["doctor"]);
    expect(report).toContain("config.toml:2: transfer.retrys is no setting");
    const { stdout } = await store().succeed(["config", "path"]);
    expect(stdout).toBe(`${store().configHome}/tsman/config.toml\n`);
  });

  it("is explained setting by setting where it is right", async () => {
    store().configure("[transfer]", 'stall_timeout = "2s"');
    const shown = await store().succeed([
      "config",
      "show",
      "--format",
      "{{.Key}} {{.Value}} {{.Origin}}",
    ]);
    expect(shown.stdout).toContain(
      `transfer.stall_timeout "2s" ${store().configHome}/tsman/config.toml:2\n`,
    );
    expect(shown.stdout).toContain("transfer.retries 5 default\n");
    const { stdout } = await store().succeed(["config", "explain", "transfer.stall_timeout"]);
    expect(stdout).toContain("stand still");
    const none = await store().run(["config", "explain", "transfer.stal_timeout"]);
    expect(none.stderr).toContain("did you mean transfer.stall_timeout?");
  });
});
