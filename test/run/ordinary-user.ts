import { execFile } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The user that `npm test`, started as root, makes and removes. */
const name = "tsman-test";

/** How many subordinate ids the user gets: what Debian's useradd gives. */
const rangeSize = 65536;

/** An ordinary user of the test machine. */
export interface OrdinaryUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** XDG_RUNTIME_DIR, mode 0700, as a login session has it. */
  readonly runtimeDir: string;
}

/** Waits until no other `npm test` of root runs on this machine: there is one user of that name. */
export async function claimMachine(signal: AbortSignal): Promise<AsyncDisposable> {
  for (let attempt = 0; ; attempt++) {
    const server = await listen();
    if (server !== undefined) return { [Symbol.asyncDispose]: async () => void server.close() };
    if (attempt === 0) console.log("waiting for another npm test on this machine to end");
    await delay(500, undefined, { signal });
  }
}

/** Undefined when somebody else listens. */
async function listen(): Promise<Server | undefined> {
  const server = createServer();
  // An abstract socket: the kernel drops it with the process, however that ends (unix(7)).
  server.listen("\0tsman-test-run");
  try {
    await once(server, "listening");
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return undefined;
    throw error;
  }
}

/**
 * Makes the ordinary user: own group, a home and a runtime directory below `work`, one range of
 * subordinate user and group ids, no password.
 */
export async function makeOrdinaryUser(work: string): Promise<OrdinaryUser> {
  const home = join(work, "home");
  // useradd gives a range by itself only on some systems and never says which.
  for (const file of ["/etc/subuid", "/etc/subgid"]) await writeFile(file, "", { flag: "a" });
  await run("useradd", ["--no-create-home", "--home-dir", home, "--user-group", name]);
  await run("usermod", ["--shell", "/bin/sh", name]);
  const range = await freeRange();
  const subordinate = await readFile("/etc/subuid", "utf8");
  if (!subordinate.split("\n").some((line) => line.startsWith(`${name}:`))) {
    await run("usermod", ["--add-subuids", range, "--add-subgids", range, name]);
  }
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (flag) => Number((await run("id", [flag, name])).stdout)),
  );
  if (uid === undefined || gid === undefined) throw new Error(`make user ${name}: it has no ids`);
  const runtimeDir = join(work, "run");
  for (const directory of [home, runtimeDir, join(work, "t")]) {
    await mkdir(directory, { mode: 0o700 });
    await chown(directory, uid, gid);
  }
  return { name, uid, gid, home, runtimeDir };
}

/** `first-last` above every range that subuid and subgid name. */
async function freeRange(): Promise<string> {
  const lines = (
    await Promise.all(["/etc/subuid", "/etc/subgid"].map((file) => readFile(file, "utf8")))
  )
    .join("\n")
    .split("\n");
  const ends = lines.map((line) => {
    const [, start, count] = line.split(":");
    return Number(start ?? 0) + Number(count ?? 0);
  });
  const first = Math.max(1_000_000, ...ends.filter((end) => Number.isFinite(end)));
  return `${first}-${first + rangeSize - 1}`;
}

/** Removes the user, its processes and its ranges; does nothing when there is none. */
export async function removeOrdinaryUser(): Promise<void> {
  const entry = await findEntry();
  if (entry === undefined) return;
  await endProcesses(await idsOf(entry));
  // Home is below the run's working directory, which goes as a whole; userdel takes the ranges.
  await run("userdel", ["--force", name]);
}

/** Removes what a run that was killed could not remove: the user and the working directory. */
export async function removeLeftovers(): Promise<void> {
  const work = dirname((await findEntry())?.split(":")[5] ?? "/");
  await removeOrdinaryUser();
  // Nobody but makeOrdinaryUser gives a home of this form; all the same, look before removing.
  if (/^\/tmp\/t-\w{6}$/.test(work)) await rm(work, { recursive: true, force: true });
}

/** The user's line of /etc/passwd. */
async function findEntry(): Promise<string | undefined> {
  const passwd = await readFile("/etc/passwd", "utf8");
  return passwd.split("\n").find((line) => line.startsWith(`${name}:`));
}

interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** The user's own id and its subordinate ones. */
async function idsOf(entry: string): Promise<readonly IdRange[]> {
  const subordinate = await readFile("/etc/subuid", "utf8");
  return [
    { first: Number(entry.split(":")[2]), count: 1 },
    ...subordinate.split("\n").flatMap((line) => {
      const [owner, first, count] = line.split(":");
      return owner === name ? [{ first: Number(first), count: Number(count) }] : [];
    }),
  ];
}

async function endProcesses(ids: readonly IdRange[]): Promise<void> {
  // Several rounds: a process may have forked after the list was read.
  for (let round = 0; round < 50; round++) {
    const pids = await processesOf(ids);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await delay(20);
  }
  throw new Error(`remove user ${name}: its processes do not end`);
}

async function processesOf(ids: readonly IdRange[]): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    const uid = Number(/^Uid:\t(\d+)/m.exec(status)?.[1] ?? -1);
    const isZombie = /^State:\tZ/m.test(status);
    if (!isZombie && ids.some(({ first, count }) => uid >= first && uid < first + count)) {
      found.push(pid);
    }
  }
  return found;
}
