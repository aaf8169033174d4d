import { TsmanError } from "../errors/index.ts";
import type { Descriptor } from "./descriptor.ts";

/** An OCI platform: image-spec/image-index.md, "platform". */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** GOARCH names of Node's `process.arch`; https://go.dev/doc/install/source#environment. */
const goArchitectures: Readonly<Record<string, string>> = {
  x64: "amd64",
  arm64: "arm64",
  arm: "arm",
  ia32: "386",
  ppc64: "ppc64le",
  riscv64: "riscv64",
  s390x: "s390x",
  loong64: "loong64",
};

/** Names that people and other tools use for the same thing. */
const aliases: ReadonlyMap<string, Omit<Platform, "os">> = new Map([
  ["x86_64", { architecture: "amd64" }],
  ["x86-64", { architecture: "amd64" }],
  ["aarch64", { architecture: "arm64" }],
  ["armhf", { architecture: "arm", variant: "v7" }],
  ["armel", { architecture: "arm", variant: "v6" }],
  ["i386", { architecture: "386" }],
  ["i686", { architecture: "386" }],
]);

/**
 * The platform of this host.  `process.arch` is a constant of the Node.js build, hence no input in
 * the sense in which this folder has none.
 */
export function hostPlatform(): Platform {
  const architecture = goArchitectures[process.arch] ?? process.arch;
  return { os: "linux", architecture };
}

/** `os/arch[/variant]`, as `--platform` takes it. */
export function formatPlatform(platform: Platform): string {
  const variant = platform.variant === undefined ? "" : `/${platform.variant}`;
  return `${platform.os}/${platform.architecture}${variant}`;
}

/** GOARCH values that images are made for; a single word must be one. */
const knownArchitectures = new Set([
  ...Object.values(goArchitectures),
  ..."ppc64 mips mipsle mips64 mips64le wasm".split(" "),
]);

const partPattern = /^[A-Za-z0-9_.-]{1,32}$/;

/**
 * Reads `--platform`: `os/arch[/variant]`, or `arch` alone, or `linux` alone (this host's arch).
 *
 * @throws TsmanError USAGE
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  const fail = (why: string): never => {
    throw new TsmanError("USAGE", `read platform ${JSON.stringify(text.slice(0, 80))}: ${why}`, {
      hint: "write it as os/arch[/variant], for example linux/arm64 or linux/arm/v7",
    });
  };
  if (parts.length > 3) fail("more than three parts");
  if (!parts.every((part) => partPattern.test(part))) fail("a part is empty or no plain word");
  const [first = "", second, third] = parts.map((part) => part.toLowerCase());
  if (second === undefined) {
    if (first === "linux") return hostPlatform();
    if (!knownArchitectures.has(first) && !aliases.has(first)) {
      fail(`${first} is neither linux nor an architecture`);
    }
    return withAlias("linux", first, undefined);
  }
  return withAlias(first, second, third);
}

function withAlias(os: string, architecture: string, variant: string | undefined): Platform {
  const known = aliases.get(architecture);
  const chosen = variant ?? known?.variant;
  return {
    os,
    architecture: known?.architecture ?? architecture,
    ...(chosen !== undefined && { variant: chosen }),
  };
}

/** What an architecture without a variant means. */
const defaultVariants: Readonly<Record<string, string>> = { amd64: "v1", arm64: "v8", arm: "v7" };

/**
 * How well an offer serves a wish: 0 = exactly, larger = an older variant of the same architecture
 * that runs there too; undefined = not at all.
 */
function distance(offered: Platform, wanted: Platform): number | undefined {
  const offer = normal(offered);
  const wish = normal(wanted);
  if (offer.os !== wish.os || offer.architecture !== wish.architecture) return undefined;
  if (offer.variant === wish.variant) return 0;
  const offeredLevel = variantLevel(offer.variant);
  const wantedLevel = variantLevel(wish.variant);
  // An older instruction set runs on a newer processor, never the other way round.
  if (offeredLevel === undefined || wantedLevel === undefined) return undefined;
  return offeredLevel < wantedLevel ? wantedLevel - offeredLevel : undefined;
}

function normal(platform: Platform): { os: string; architecture: string; variant: string } {
  const { os, architecture, variant } = withAlias(
    platform.os.toLowerCase(),
    platform.architecture.toLowerCase(),
    platform.variant?.toLowerCase(),
  );
  return { os, architecture, variant: variant ?? defaultVariants[architecture] ?? "" };
}

/** `v7` → 7000, `v8.2` → 8002. */
function variantLevel(variant: string): number | undefined {
  const match = /^v?(\d{1,2})(?:\.(\d{1,2}))?$/.exec(variant);
  return match === null ? undefined : Number(match[1]) * 1000 + Number(match[2] ?? 0);
}

/** Whether an image for `offered` runs where `wanted` is asked for. */
export function platformServes(offered: Platform, wanted: Platform): boolean {
  return distance(offered, wanted) !== undefined;
}

/** Whether two platforms are the same, however they are written: `arm64` is `arm64/v8`. */
export function isSamePlatform(one: Platform, other: Platform): boolean {
  return distance(one, other) === 0;
}

/**
 * Chooses from an index the manifest that serves `wanted` best; the first of equals.
 *
 * An index whose only entry says nothing about its platform is taken at its word; the image's
 * config tells later.
 *
 * @throws TsmanError PLATFORM_NOT_FOUND, listing what the index has
 */
export function matchPlatform<T extends Descriptor>(
  entries: readonly T[],
  wanted: Platform,
  of?: string,
): T {
  let best: { readonly entry: T; readonly distance: number } | undefined;
  for (const entry of entries) {
    if (entry.platform === undefined) continue;
    const own = distance(entry.platform, wanted);
    if (own !== undefined && (best === undefined || own < best.distance)) {
      best = { entry, distance: own };
    }
  }
  if (best !== undefined) return best.entry;
  const [only, ...others] = entries;
  if (only !== undefined && others.length === 0 && only.platform === undefined) return only;
  const offers = offeredPlatforms(entries);
  throw new TsmanError(
    "PLATFORM_NOT_FOUND",
    `choose image${of === undefined ? "" : ` ${of}`} for ${formatPlatform(wanted)}: the index has ${offers.length === 0 ? "no image at all" : `only ${offers.join(", ")}`}`,
    {
      hint:
        offers.length === 0
          ? undefined
          : `choose one of them with --platform, for example --platform ${offers[0]}`,
      details: { wanted: formatPlatform(wanted), offered: offers },
    },
  );
}

/** Attestations stand in an index as platform `unknown/unknown`: they are no images. */
function offeredPlatforms(entries: readonly Descriptor[]): string[] {
  const offers = new Set<string>();
  for (const { platform } of entries) {
    if (platform === undefined || platform.os === "unknown") continue;
    offers.add(
      formatPlatform(platform)
        .slice(0, 80)
        .replace(/[^\x20-\x7e]/g, "?"),
    );
  }
  return [...offers];
}
