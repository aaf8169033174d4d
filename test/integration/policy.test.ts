import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { addIndex, hostArchitecture } from "../support/image-fixture.ts";
import {
  addSignatures,
  newSigningKey,
  signatureOf,
  signedPayload,
  signImage,
} from "../support/signed-image.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { addRandomImage } from "./served-images.ts";
import { useStore } from "./support.ts";

// S67: every way in asks the policy.
const store = useStore();
const key = newSigningKey();

let registry: FaultyRegistry;

beforeEach(async () => {
  registry = await startFaultyRegistry();
});

afterEach(async () => {
  await registry.close();
  rmSync(join(store().configHome, "tsman"), { recursive: true, force: true });
});

function writePolicy(policy: object): void {
  const directory = join(store().configHome, "tsman");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "policy.json"), JSON.stringify(policy));
  writeFileSync(join(directory, "key.pub"), key.publicKey);
}

/** Everything is rejected but what the registry has and the key has signed. */
function askForSignatures(): void {
  const signed = {
    type: "sigstoreSigned",
    keyPath: "key.pub",
    signedIdentity: { type: "matchRepository" },
  };
  const docker = { [registry.host]: [signed] };
  writePolicy({ default: [{ type: "reject" }], transports: { docker } });
}

/** An image that is served, and its repository. */
function served() {
  const image = addRandomImage(registry);
  return { ...image, name: image.reference.slice(registry.host.length + 1) };
}

/** That a command is refused by the policy, without having taken anything of the image. */
async function expectRejected(
  args: readonly string[],
  reference: string,
  why: string | RegExp,
): Promise<void> {
  const blobs = registry.requestsOf("blob").length;
  const result = await store().run(args);
  expect(result.stderr).toMatch(why);
  expect(result.stderr).toContain(`${store().configHome}/tsman/policy.json`);
  expect(result.status).toBe(125);
  expect((await store().run(["image", "exists", reference])).status).toBe(1);
  // The config, and what was signed; no layer.
  const asked = registry.requestsOf("blob").slice(blobs);
  expect(asked.every(({ bytesSent }) => bytesSent < 10_000)).toBe(true);
}

describe("an image of a registry whose images have to be signed", () => {
  it("is let in when it is: by pull, run and create", async () => {
    askForSignatures();
    for (const args of [
      ["pull", "-q"],
      ["create", "-q"],
    ]) {
      const image = served();
      signImage(registry, image.name, image.digest, key);
      await store().succeed([...args, image.reference, ...(args[0] === "pull" ? [] : ["true"])]);
      await store().succeed(["image", "exists", image.reference]);
    }
  });

  it("is let in by the signature of its index", async () => {
    askForSignatures();
    const image = served();
    const platform = { os: "linux", architecture: hostArchitecture };
    const index = addIndex(registry, image.name, [{ image, platform }]);
    await expectRejected(["pull", image.reference], image.reference, "it has no signature");
    signImage(registry, image.name, index, key);
    await store().succeed(["pull", "-q", image.reference]);
  });

  it("may come from a mirror, whose word is not taken for a signature", async () => {
    askForSignatures();
    const image = served();
    await using mirror = await startFaultyRegistry({ share: registry });
    store().configure(
      "[[registry]]",
      `prefix = "${registry.host}"`,
      "[[registry.mirror]]",
      `location = "${mirror.host}"`,
    );
    await expectRejected(["pull", image.reference], image.reference, "it has no signature");
    signImage(registry, image.name, image.digest, key);
    const reference = `${image.digest.replace(":", "-")}.sig`;
    mirror.fault({ on: "manifest", reference, action: { kind: "status", status: 404 } });
    await store().succeed(["pull", "-q", image.reference]);
    const [layer = ""] = image.blobs;
    expect(mirror.requestsOf("blob", layer)).toHaveLength(1);
    expect(registry.requestsOf("blob", layer)).toEqual([]);
    expect(registry.requestsOf("manifest", reference).at(-1)?.status).toBe(200);
  });

  it.each([["pull"], ["run"], ["create"]])("is rejected without a signature: %s", async (verb) => {
    askForSignatures();
    const { reference } = served();
    const rest = verb === "pull" ? [] : ["true"];
    await expectRejected([verb, reference, ...rest], reference, "it has no signature");
  });

  it("is rejected when another key has signed it", async () => {
    askForSignatures();
    const image = served();
    signImage(registry, image.name, image.digest, newSigningKey());
    await expectRejected(["pull", image.reference], image.reference, "by none of the keys");
  });

  it("is rejected with the signature of another image of the repository", async () => {
    askForSignatures();
    const image = served();
    const payload = signedPayload(`sha256:${"a".repeat(64)}`, `${registry.host}/${image.name}`);
    const signature = signatureOf(key, payload);
    addSignatures(registry, image.name, image.digest, [{ payload, signature }]);
    await expectRejected(["pull", image.reference], image.reference, "for another image");
  });

  it("is rejected with a signature for another repository", async () => {
    askForSignatures();
    const image = served();
    signImage(registry, image.name, image.digest, key, `${registry.host}/other/app`);
    await expectRejected(["pull", image.reference], image.reference, "other/app");
  });

  it("is rejected when a tag that was signed is given to another manifest", async () => {
    askForSignatures();
    const [good, evil] = [served(), served()];
    signImage(registry, good.name, good.digest, key);
    await store().succeed(["pull", "-q", good.reference]);
    const manifest = registry.content.manifests.get(`${evil.name}@${evil.digest}`);
    const body = manifest?.body ?? "";
    registry.addManifest(good.name, "latest", manifest?.mediaType ?? "", body);
    const result = await store().run(["pull", good.reference]);
    expect(result.stderr).toContain("it has no signature");
    // What was let in before stays what the name means.
    const { stdout } = await store().succeed(["images", "--no-trunc", "-q", good.reference]);
    expect(stdout.trim()).toBe(good.configDigest);
  });

  it("is rejected when its registry does not give its signatures", async () => {
    askForSignatures();
    const image = served();
    signImage(registry, image.name, image.digest, key);
    const reference = `${image.digest.replace(":", "-")}.sig`;
    registry.fault({ on: "manifest", reference, action: { kind: "status", status: 403 } });
    const result = await store().run(["pull", image.reference]);
    expect(result.status).toBe(125);
    expect((await store().run(["image", "exists", image.reference])).status).toBe(1);
  });
});

describe("a policy", () => {
  it("rejects what it does not name, on every way in", async () => {
    const image = served();
    await store().succeed(["pull", "-q", image.reference]);
    const [docker, oci] = ["docker.tar", "oci.tar"].map((file) => join(store().scratch, file));
    await store().succeed(["save", "-q", "-o", docker ?? "", image.reference]);
    const format = ["--format", "oci-archive"];
    await store().succeed(["save", "-q", ...format, "-o", oci ?? "", image.reference]);
    await store().succeed(["rmi", image.reference]);
    writePolicy({
      default: [{ type: "reject" }],
      transports: { "oci-archive": { [oci ?? ""]: [{ type: "insecureAcceptAnything" }] } },
    });
    const rejected = "the policy rejects it";
    await expectRejected(["load", "-i", docker ?? ""], image.reference, rejected);
    await expectRejected(["pull", image.reference], image.reference, rejected);
    await expectRejected(["run", image.reference, "true"], image.reference, rejected);
    const from = `docker-archive:${docker}`;
    await expectRejected(["pull", from], image.reference, rejected);
    await expectRejected(["run", from, "true"], image.reference, rejected);
    const registries = `docker://${image.reference}`;
    for (const [source, target] of [
      [from, `containers-storage:${image.reference}`],
      [registries, `containers-storage:${image.reference}`],
      [registries, `oci:${join(store().scratch, "copied")}`],
    ]) {
      await expectRejected(
        ["image", "copy", source ?? "", target ?? ""],
        image.reference,
        rejected,
      );
    }
    expect(existsSync(join(store().scratch, "copied/index.json"))).toBe(false);
    const files = join(store().scratch, "files.tar");
    writeFileSync(files, new TarBuilder().file("file", "content").build());
    for (const tree of [files, "-"]) {
      await expectRejected(["import", tree, image.reference], image.reference, rejected);
    }
    await store().succeed(["load", "-q", "-i", oci ?? ""]);
    await store().succeed(["image", "exists", image.reference]);
  });

  it("rejects an index with all of its platforms, and what a list names elsewhere", async () => {
    const image = served();
    const platform = { os: "linux", architecture: hostArchitecture };
    const index = addIndex(registry, image.name, [{ image, platform }]);
    await store().succeed(["manifest", "create", "named", `docker://${image.reference}`]);
    askForSignatures();
    const unsigned = "it has no signature";
    await expectRejected(["pull", "--all-platforms", image.reference], image.reference, unsigned);
    await expectRejected(["run", "named", "true"], image.reference, unsigned);
    const copy = join(store().root, "..", "copied-list");
    const push = ["manifest", "push", "--all", "named", `oci:${copy}:x`];
    await expectRejected(push, image.reference, unsigned);
    expect(existsSync(join(copy, "index.json"))).toBe(false);
    signImage(registry, image.name, index, key);
    await store().succeed(["pull", "-q", "--all-platforms", image.reference]);
    await store().succeed(push);
    await store().succeed(["create", "-q", "named", "true"]);
    rmSync(copy, { recursive: true });
  });

  it("that cannot be read lets nothing in", async () => {
    const image = served();
    writePolicy({ default: [] });
    const result = await store().run(["pull", image.reference]);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain("policy.json: default should not be empty");
  });
});

describe("the policy of Podman and its relatives", () => {
  const signedBy = { type: "signedBy", keyType: "GPGKeys", keyPath: "/etc/pki/a.gpg" };
  const home = () => join(store().scratch, "home");
  const run = async (args: readonly string[]) => await store().run(args, { env: { HOME: home() } });

  function writeUserPolicy(policy: object): string {
    const directory = join(home(), ".config/containers");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "policy.json"), JSON.stringify(policy));
    return join(directory, "policy.json");
  }

  it("counts where tsman has none, and what it asks for in vain is named by its place", async () => {
    const image = served();
    const docker = { [registry.host]: [signedBy] };
    const accept = [{ type: "insecureAcceptAnything" }];
    const file = writeUserPolicy({ default: accept, transports: { docker } });
    const refused = await run(["pull", image.reference]);
    expect(refused.status).toBe(125);
    expect(refused.stderr).toContain("a GPG signature (signedBy), which tsman cannot check");
    expect(refused.stderr).toContain(`/transports/docker/${registry.host}/0 of ${file}`);
    expect(refused.stderr).toContain(`goes before it: ${store().configHome}/tsman/policy.json`);
    writePolicy({ default: accept });
    expect((await run(["pull", "-q", image.reference])).stderr).toBe("");
  });

  it("lets in what it asks nothing of", async () => {
    const image = served();
    const docker = { [registry.host]: [{ type: "insecureAcceptAnything" }] };
    writeUserPolicy({ default: [{ type: "reject" }], transports: { docker } });
    expect((await run(["pull", "-q", image.reference])).stderr).toBe("");
    const archive = join(store().scratch, "image.tar");
    await store().succeed(["save", "-q", "-o", archive, image.reference]);
    expect((await run(["load", "-q", "-i", archive])).stderr).toContain("/default/0 of ");
  });
});
