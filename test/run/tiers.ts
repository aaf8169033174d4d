import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { asUser } from "./as-user.ts";
import { runToEnd } from "./child.ts";
import type { OrdinaryUser } from "./ordinary-user.ts";
import type { Peer } from "./peer.ts";
import { root } from "./tree.ts";

/** Cheap ones first: what fails early costs little. */
export const allTiers = [
  "unit",
  "architecture",
  "native",
  "integration",
  "hostile",
  "root",
] as const;

/** A tier of tests (CONTRIBUTING.md, "Tests"); all but `native` are projects of vitest.config.ts. */
export type Tier = (typeof allTiers)[number];

/** What came of a tier. */
export interface TierResult {
  readonly tier: Tier;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly note?: string;
}

/** What a tier runs with. */
export interface TierOptions {
  /** A checkout that the user can read. */
  readonly tree: string;
  readonly work: string;
  /** Undefined: as whoever called. */
  readonly user: OrdinaryUser | undefined;
  readonly mustWork: boolean;
  readonly registry: string | undefined;
  readonly peer: Peer | undefined;
  readonly vitestArguments: readonly string[];
  readonly signal: AbortSignal;
}

/** Runs one tier to its end. */
export async function runTier(tier: Tier, options: TierOptions): Promise<TierResult> {
  if (tier === "native") return await runNative(options);
  if (tier === "root" && process.getuid?.() !== 0) {
    return { tier, passed: 0, failed: 0, skipped: 1, note: "needs root" };
  }
  return await runVitest(tier, options);
}

/** `make -C native test`: as the caller, because it builds in the checkout. */
async function runNative({ signal, mustWork }: TierOptions): Promise<TierResult> {
  let output = "";
  const status = await runToEnd("make", ["--no-print-directory", "-C", "native", "test"], {
    cwd: root,
    env: { ...process.env, ...(mustWork ? { TSMAN_TEST_MUST_WORK: "1" } : {}) },
    signal,
    onOutput: (text) => {
      output += text;
    },
  });
  // The native tests print TAP lines.
  const count = (pattern: RegExp) => output.match(pattern)?.length ?? 0;
  const skipped = count(/^ok\b.*# SKIP/gim);
  const passed = count(/^ok\b/gm) - skipped;
  const failed = count(/^not ok\b/gm);
  // No line at all is no success either.
  const crashed = failed === 0 && (status !== 0 || passed === 0);
  return {
    tier: "native",
    passed,
    failed: crashed ? 1 : failed,
    skipped,
    ...(crashed ? { note: `make ended with status ${status}, ${passed} tests` } : {}),
  };
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

async function runVitest(tier: Tier, options: TierOptions): Promise<TierResult> {
  const { tree, registry, peer, mustWork, vitestArguments, signal } = options;
  // Root's own tests too keep away from root's store.
  const user = tier === "root" ? undefined : options.user;
  const state = await stateOf(tier, options);
  const report = join(state.home, `${tier}.json`);
  const node = [
    join(tree, "node_modules/vitest/vitest.mjs"),
    "run",
    // The checkout is not the user's to write in: no compiled configuration beside it.
    "--configLoader=native",
    "--project",
    tier,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...vitestArguments,
  ];
  const program = join(tree, "bin/node");
  // As asUser does.
  const plain = { file: "setpriv", args: ["--pdeathsig=TERM", "--", program, ...node] };
  const asWhom = user === undefined ? plain : asUser(user, program, node);
  const { file, args } = peer === undefined ? asWhom : withResolvConf(peer.resolvConf, asWhom);
  const status = await runToEnd(file, args, {
    cwd: tree,
    signal,
    env: {
      PATH: process.env.PATH,
      TERM: process.env.TERM,
      LANG: "C.UTF-8",
      TMPDIR: state.tmp,
      TSMAN_TEST_DIRECTORY: state.tmp,
      TSMAN_NODE: process.env.TSMAN_NODE,
      FORCE_COLOR: process.stdout.isTTY ? "1" : undefined,
      NO_COLOR: process.stdout.isTTY ? undefined : "1",
      HOME: state.home,
      XDG_RUNTIME_DIR: state.runtimeDir,
      USER: user?.name ?? process.env.USER ?? "root",
      LOGNAME: user?.name ?? process.env.USER ?? "root",
      TSMAN_TEST_REGISTRY: registry,
      TSMAN_TEST_PEER: peer === undefined ? undefined : JSON.stringify(peer),
      // Root's tests too have an ordinary user at hand.
      TSMAN_TEST_USER: options.user?.name,
      TSMAN_TEST_USER_HOME: options.user?.home,
      TSMAN_TEST_USER_RUNTIME_DIR: options.user?.runtimeDir,
      TSMAN_TEST_MUST_WORK: mustWork ? "1" : undefined,
      CI: process.env.CI,
    },
  });
  if (!existsSync(report)) {
    return { tier, passed: 0, failed: 1, skipped: 0, note: `vitest ended with status ${status}` };
  }
  const counts = JSON.parse(await readFile(report, "utf8")) as VitestReport;
  // A file that cannot be loaded, or an unhandled rejection, fails the run but no test.
  const broken = status !== 0 && counts.numFailedTests === 0;
  return {
    tier,
    passed: counts.numPassedTests,
    failed: broken ? 1 : counts.numFailedTests,
    skipped: counts.numPendingTests + counts.numTodoTests,
    ...(broken ? { note: `vitest ended with status ${status}` } : {}),
  };
}

/**
 * The same program with another /etc/resolv.conf, in a mount namespace of its own: names resolve
 * through the peer, so that no test asks the internet.  Needs root.
 */
function withResolvConf(
  resolvConf: string,
  { file, args }: { readonly file: string; readonly args: readonly string[] },
): { readonly file: string; readonly args: readonly string[] } {
  const script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  return {
    file: "unshare",
    args: ["--mount", "--", "sh", "-c", script, "sh", resolvConf, file, ...args],
  };
}

/** The directories of whoever runs a tier: never those of the caller, whose store is no test bed. */
interface State {
  readonly home: string;
  readonly runtimeDir: string;
  /** TMPDIR: what a killed test leaves behind goes with the run. */
  readonly tmp: string;
}

async function stateOf(tier: Tier, { work, user }: TierOptions): Promise<State> {
  if (user !== undefined && tier !== "root") return { ...user, tmp: join(work, "t") };
  const who = user === undefined ? "self" : "root";
  const state = {
    home: join(work, `${who}-home`),
    runtimeDir: join(work, `${who}-run`),
    tmp: join(work, user === undefined ? "t" : "r"),
  };
  for (const directory of Object.values(state)) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
  return state;
}
