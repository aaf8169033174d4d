import { chmod, mkdtemp } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { openDevices } from "./run/devices.ts";
import {
  claimMachine,
  makeOrdinaryUser,
  removeLeftovers,
  removeOrdinaryUser,
} from "./run/ordinary-user.ts";
import { startPeer } from "./run/peer.ts";
import { startRegistry } from "./run/registry.ts";
import { removeTree } from "./run/remove-tree.ts";
import { allTiers, runTier, type Tier, type TierResult } from "./run/tiers.ts";
import { readableTree } from "./run/tree.ts";

const usage = `bin/node test/run.ts [--tier NAME]... [-- VITEST ARGUMENT...]

Runs every tier (${allTiers.join(", ")}) and prints one sum.  Started as root, the
tests run as an ordinary user with subordinate ids that is made for the purpose, and removed.`;

/** What a run needs and undoes; the order of undoing is the reverse of the order of making. */
await using cleanUp = new AsyncDisposableStack();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { tier: { type: "string", multiple: true }, help: { type: "boolean" } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const unknown = (values.tier ?? []).filter((name) => !allTiers.includes(name as Tier));
  if (unknown.length > 0) {
    console.error(`no tier ${unknown.join(", ")}: there are ${allTiers.join(", ")}`);
    return 2;
  }
  const tiers = allTiers.filter((tier) => values.tier?.includes(tier) ?? true);
  const mustWork = process.env.TSMAN_TEST_MUST_WORK === "1" || process.env.CI === "true";
  const isRoot = process.getuid?.() === 0;

  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  }

  if (isRoot) cleanUp.use(await claimMachine(stop.signal));
  // Short, and not $TMPDIR: a unix socket's path holds 107 bytes (unix(7)).
  const work = await mkdtemp("/tmp/t-");
  cleanUp.defer(() => removeTree(work));
  // mkdtemp makes it 0700; the ordinary user's home is in here.
  await chmod(work, 0o711);

  if (isRoot) {
    await removeLeftovers();
    cleanUp.use(await openDevices());
  }
  const user = isRoot ? await makeOrdinaryUser(work) : undefined;
  if (user !== undefined) cleanUp.defer(() => removeOrdinaryUser());

  const tree = await readableTree(work, user);
  const needsRegistry = tiers.some((tier) => tier !== "unit" && tier !== "architecture");
  const registry = needsRegistry ? await startRegistry(work, stop.signal) : undefined;
  if (registry !== undefined) cleanUp.use(registry);

  const peer = isRoot && needsRegistry ? await startPeer(work) : undefined;
  if (peer !== undefined) cleanUp.use(peer);

  const results: TierResult[] = [];
  for (const tier of tiers) {
    if (stop.signal.aborted) break;
    console.log(`\n== ${tier}`);
    results.push(
      await runTier(tier, {
        tree,
        work,
        user,
        mustWork,
        registry: registry?.address,
        peer,
        vitestArguments: positionals,
        signal: stop.signal,
      }),
    );
  }
  return report(results, { mustWork, stopped: stop.signal.aborted });
}

function report(
  results: readonly TierResult[],
  { mustWork, stopped }: { readonly mustWork: boolean; readonly stopped: boolean },
): number {
  console.log("");
  for (const { tier, passed, failed, skipped, note } of results) {
    const detail = note === undefined ? "" : `  (${note})`;
    console.log(`${tier}: ${passed} passed, ${failed} failed, ${skipped} skipped${detail}`);
  }
  const sum = (key: "passed" | "failed" | "skipped") =>
    results.reduce((total, result) => total + result[key], 0);
  const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")];
  const skipFails = mustWork && skipped > 0;
  if (skipFails) console.log("a skipped test counts as a failure here (TSMAN_TEST_MUST_WORK=1)");
  if (stopped) console.log("stopped before the end");
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || skipFails || stopped ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`test/run.ts: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
