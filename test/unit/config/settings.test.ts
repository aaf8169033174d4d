import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findConfigFiles } from "../../../src/config/config-files.ts";
import { loadShortNames } from "../../../src/config/load-short-names.ts";
import { readSettings, type Settings } from "../../../src/config/settings.ts";
import { defaultShortNames } from "../../../src/oci/short-names.ts";

let base: string;

beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), "tsman-settings-"));
  for (const name of [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
  ]) {
    vi.stubEnv(name, "");
  }
  vi.stubEnv("CONTAINERS_REGISTRIES_CONF", "");
  vi.stubEnv("HOME", path.join(base, "home"));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true });
});

/** Writes a file below the test's directory; returns its path. */
function write(name: string, ...lines: string[]): string {
  const file = path.join(base, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

const find = () => findConfigFiles(path.join(base, "tsman"), path.join(base, "system"));
const read = (): Settings => readSettings(find());
/** `key = value (origin)` of everything that is no default. */
function changed(): string[] {
  return read()
    .entries.filter(({ origin }) => origin.kind !== "default")
    .map(({ key, value, origin }) => {
      const from =
        origin.kind === "file" ? `${path.relative(base, origin.file)}:${origin.line}` : origin.kind;
      return `${key} = ${JSON.stringify(value)} (${from})`;
    });
}

describe("[storage]", () => {
  it("says whether blobs stay that are unpacked", () => {
    expect(read().storage).toEqual({ keepBlobs: true });
    write("tsman/config.toml", "[storage]", "keep_blobs = false");
    expect(read().storage).toEqual({ keepBlobs: false });
    expect(changed()).toEqual(["storage.keep_blobs = false (tsman/config.toml:2)"]);
    write("tsman/config.toml", "[storage]", 'keep_blobs = "no"');
    expect(read).toThrow(/config.toml:2: .*should be true or false/);
  });
});

describe("[pull]", () => {
  it("says whether parts of layers are fetched", () => {
    expect(read().pull).toEqual({ partial: true });
    write("tsman/config.toml", "[pull]", "partial = false");
    expect(read().pull).toEqual({ partial: false });
    expect(changed()).toEqual(["pull.partial = false (tsman/config.toml:2)"]);
    write("tsman/config.toml", "[pull]", 'partial = "no"');
    expect(read).toThrow(/config.toml:2: .*should be true or false/);
  });
});

describe("[security]", () => {
  it("silences warnings about mounts", () => {
    expect(read().security).toEqual({ quietGuards: false });
    write("tsman/config.toml", "[security]", "quiet_guards = true");
    expect(read().security).toEqual({ quietGuards: true });
    expect(changed()).toEqual(["security.quiet_guards = true (tsman/config.toml:2)"]);
    write("tsman/config.toml", "[security]", "quiet_guards = 1");
    expect(read).toThrow(/config.toml:2: .*should be true or false/);
  });
});

describe("without any file", () => {
  it("everything is as it is built in", async () => {
    expect(changed()).toEqual([]);
    expect(read().shortNames).toEqual(defaultShortNames);
    expect(read().registries).toEqual([]);
    const cacheDir = path.join(base, "cache");
    expect(await loadShortNames({ cacheDir, configDir: "" }, find())).toBe(defaultShortNames);
  });
});

describe("config.toml", () => {
  it("says what counts, and where", () => {
    write(
      "tsman/config.toml",
      'unqualified-search-registries = ["quay.io"] # first',
      "",
      "[[registry]]",
      'prefix = "docker.io"',
      "  [[registry.mirror]]",
      '  location = "mirror.lan:5000"',
      "  insecure = true",
      "[[registry]]",
      'location = "Old.example"',
      "blocked = true",
      "[transfer]",
      'stall_timeout = "1m30s"',
      "connections = 1",
      "min_speed = 0",
      "[aliases]",
      '"a/b" = "quay.io/a/b"',
    );
    expect(changed()).toEqual([
      'unqualified-search-registries = ["quay.io"] (tsman/config.toml:1)',
      "transfer.connections = 1 (tsman/config.toml:13)",
      'transfer.stall_timeout = "90s" (tsman/config.toml:12)',
      "transfer.min_speed = 0 (tsman/config.toml:14)",
      'aliases."a/b" = "quay.io/a/b" (tsman/config.toml:16)',
      'registry."docker.io".mirror = ["mirror.lan:5000 (insecure)"] (tsman/config.toml:3)',
      'registry."old.example".blocked = true (tsman/config.toml:8)',
    ]);
    const { transfer, registries } = read();
    expect(transfer).toMatchObject({ connections: 1, stallTimeout: 90_000, retries: 5 });
    expect(registries[0]?.mirrors).toEqual([
      { location: "mirror.lan:5000", insecure: true, pullFrom: "all" },
    ]);
  });

  it.each([
    ["a key that is none", "[aliases]\na = 'b.c/d'\n[x]\ny = 1", /:3: x is no setting/, undefined],
    [
      "a key in a table",
      "[transfer]\nretrys = 3",
      /:2: transfer\.retrys is no setting/,
      "transfer.retries",
    ],
    ["a table", "[transfers]\nretries = 3", /:1: transfers is no setting/, "transfer"],
    [
      "a key in a table of a list",
      '[[registry]]\nprefix = "a.b"\n[[registry]]\nprefix = "c.d"\n[[registry.mirror]]\nlocaton = "e.f"',
      /:6: registry\[1\]\.mirror\[0\]\.locaton is no setting/,
      "registry[1].mirror[0].location",
    ],
    [
      "a missing key",
      "[[registry]]\ninsecure = true",
      /:1: registry\[0\] should have a prefix or/,
      undefined,
    ],
    [
      "a wrong type",
      '[transfer]\nretries = "3"',
      /:2: transfer\.retries should be a whole number/,
      undefined,
    ],
    [
      "a wrong duration",
      "[transfer]\nstall_timeout = 30",
      /:2: .*should be a duration like "30s"/,
      undefined,
    ],
    [
      "a time beyond reason",
      '[transfer]\nstall_timeout = "99h"',
      /:2: .*from 10ms to 1h/,
      undefined,
    ],
    [
      "a location that is a URL",
      '[[registry]]\nlocation = "https://a.b"',
      /:2: registry\[0\]\.location is wrong/,
      undefined,
    ],
    [
      "a search registry with a path",
      'unqualified-search-registries = ["a.b/c"]',
      /:1: .*without a path/,
      undefined,
    ],
    [
      "an alias without a registry",
      '[aliases]\na = "b"',
      /:2: aliases\.a should start with a registry/,
      undefined,
    ],
    ["a key that is no data", '[aliases]\n__proto__ = "a.b/c"', /:\d+: not TOML/, undefined],
    ["nesting without end", `x = ${"[".repeat(10_000)}`, /not TOML/, undefined],
    [
      "a missing key of a table",
      '[[registry]]\nprefix = "a.b"\n[[registry.mirror]]\ninsecure = true',
      /:3: registry\[0\]\.mirror\[0\]\.location is missing/,
      undefined,
    ],
    ["what is no TOML", "a = \nb = 1", /:1: not TOML/, undefined],
    [
      "two tables about one registry that contradict each other",
      '[[registry]]\nlocation = "a.b"\nblocked = true\n[[registry]]\nprefix = "a.b"\ninsecure = false',
      /:4: registry\[1\] says of a\.b that it is not blocked, and registry\[0\] that it is/,
      undefined,
    ],
    ["the same key twice", "[transfer]\nretries = 1\nretries = 2", /:3: not TOML/, undefined],
  ])("names file, line and key of %s", (_, text, message, meant) => {
    write("tsman/config.toml", text);
    expect(read).toThrow(message);
    expect(read).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    if (meant !== undefined) {
      expect(read).toThrow(expect.objectContaining({ hint: `did you mean ${meant}?` }));
    }
  });

  it("takes two tables about one registry that agree in what matters", () => {
    write(
      "tsman/config.toml",
      '[[registry]]\nlocation = "a.b"\n[[registry]]\nlocation = "a.b"\nblocked = false',
    );
    expect(read().registries).toMatchObject([{ prefix: "a.b", blocked: false }]);
  });

  it("shows the environment's proxies before its own, without their passwords", () => {
    write(
      "tsman/config.toml",
      '[proxy]\nhttp = "http://a.b:1"\nhttps = "http://a.b:2"',
      'no_proxy = ["c", ".d"]',
    );
    vi.stubEnv("https_proxy", "http://user:geheim@proxy.lan:3128");
    expect(changed()).toEqual([
      'proxy.http = "http://a.b:1/" (tsman/config.toml:2)',
      'proxy.https = "http://user:***@proxy.lan:3128/" (environment)',
      'proxy.no_proxy = ["c",".d"] (tsman/config.toml:4)',
    ]);
    expect(read().proxy).toEqual({
      http: "http://a.b:1",
      https: "http://user:geheim@proxy.lan:3128",
      noProxy: "c,.d",
    });
  });
});

describe("registries.conf", () => {
  it("counts where config.toml says nothing, drop-ins after the file itself", () => {
    write(
      "system/registries.conf",
      'unqualified-search-registries = ["a.b"]',
      "[[registry]]",
      'location = "x.y"',
      "insecure = true",
    );
    write("system/registries.conf.d/1.conf", "[aliases]", 'one = "a.b/one"', 'two = "a.b/two"');
    write(
      "system/registries.conf.d/2.conf",
      "[aliases]",
      'two = ""',
      "[[registry]]",
      'location = "x.y"',
      "blocked = true",
    );
    write("system/registries.conf.d/ignored", "not = [toml");
    write("home/.config/containers/registries.conf.d/3.conf", 'short-name-mode = "disabled"');
    write("tsman/config.toml", 'unqualified-search-registries = ["c.d"]');
    expect(changed()).toEqual([
      'unqualified-search-registries = ["c.d"] (tsman/config.toml:1)',
      'short-name-mode = "disabled" (home/.config/containers/registries.conf.d/3.conf:1)',
      'aliases.one = "a.b/one" (system/registries.conf.d/1.conf:2)',
      'registry."x.y".blocked = true (system/registries.conf.d/2.conf:3)',
    ]);
  });

  it("of the user takes the place of the system's and its drop-ins", () => {
    write("system/registries.conf.d/1.conf", "[aliases]", 'one = "a.b/one"');
    write("home/.config/containers/registries.conf", 'unqualified-search-registries = ["u.v"]');
    expect(read().shortNames).toMatchObject({ search: ["u.v"], aliases: {} });
  });

  it("is the one that the environment names, which must be there", () => {
    vi.stubEnv("CONTAINERS_REGISTRIES_CONF", write("mine.conf", 'short-name-mode = "enforcing"'));
    expect(read().shortNames.mode).toBe("enforcing");
    vi.stubEnv("CONTAINERS_REGISTRIES_CONF", path.join(base, "nowhere.conf"));
    expect(read).toThrow(/nowhere\.conf: there is no such file/);
  });

  it("may hold settings of other programs", () => {
    write(
      "system/registries.conf",
      'credential-helpers = ["x"]',
      "[[registry]]",
      'prefix = "a.b"',
      "future = 1",
    );
    expect(read().registries).toEqual([{ prefix: "a.b", mirrors: [] }]);
  });

  it("makes mirrors serve digests only if it says so for all", () => {
    write(
      "system/registries.conf",
      "[[registry]]",
      'prefix = "a.b"',
      "mirror-by-digest-only = true",
      "[[registry.mirror]]",
      'location = "c.d"',
    );
    expect(read().registries[0]?.mirrors?.[0]?.pullFrom).toBe("digest-only");
  });

  it("of version 1 is refused, with the line and what to write instead", () => {
    write("system/registries.conf", "# old", "[registries.search]", "registries = ['docker.io']");
    expect(read).toThrow(/registries\.conf:2: \[registries\] is of version 1/);
    expect(read).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("[[registry]]") }),
    );
  });
});

describe("the rules for short names", () => {
  it("are read once, and anew when a file has changed, come or gone", async () => {
    const cacheDir = path.join(base, "cache");
    const load = () => loadShortNames({ cacheDir, configDir: "" }, find());
    write("system/registries.conf", 'unqualified-search-registries = ["a.b"]');
    expect((await load()).search).toEqual(["a.b"]);
    // The cache alone answers now: what is in it is taken.
    const file = path.join(cacheDir, "short-names.json");
    const { readFileSync } = await import("node:fs");
    writeFileSync(file, readFileSync(file, "utf8").replace('["a.b"]', '["cached"]'), {
      mode: 0o600,
    });
    expect((await load()).search).toEqual(["cached"]);
    write("tsman/config.toml", 'unqualified-search-registries = ["c.d"]');
    expect((await load()).search).toEqual(["c.d"]);
    write("tsman/config.toml", 'unqualified-search-registries = ["eee.f"]');
    expect((await load()).search).toEqual(["eee.f"]);
    rmSync(path.join(base, "tsman"), { recursive: true });
    expect((await load()).search).toEqual(["a.b"]);
    writeFileSync(file, "damaged");
    expect((await load()).search).toEqual(["a.b"]);
  });
});
