import { existsSync } from "node:fs";
import process from "node:process";
import { environmentVariable } from "../config/environment.ts";
import { TsmanError } from "../errors/index.ts";
import type { DbusConnection } from "../platform/dbus/connection.ts";
import type { DbusValue } from "../platform/dbus/marshal.ts";

const managerName = "org.freedesktop.systemd1";
const managerPath = "/org/freedesktop/systemd1";
const managerInterface = "org.freedesktop.systemd1.Manager";

/** Milliseconds that a manager has to answer. */
const patience = 10_000;

/** A socket at which systemd's manager, or a bus with it, is reached. */
export interface ManagerSocket {
  readonly path: string;
  readonly isBus: boolean;
}

/**
 * Where this user's systemd is, best first; none where it does not run.
 *
 * Its own socket is what systemctl(1) uses, and is there without a bus too; sd_booted(3) for root.
 */
export function managerSockets(): readonly ManagerSocket[] {
  const uid = process.geteuid?.() ?? 0;
  if (uid === 0) return socketsIn("/run/dbus/system_bus_socket", "/run/systemd/private");
  const usual = `/run/user/${uid}`;
  const named = environmentVariable("XDG_RUNTIME_DIR") ?? usual;
  // Somebody may have another idea of the directory, for other files; the manager has not.
  return [...new Set([named, usual])].flatMap((directory) =>
    socketsIn(`${directory}/bus`, `${directory}/systemd/private`),
  );
}

function socketsIn(bus: string, own: string): readonly ManagerSocket[] {
  if (!existsSync(own)) return [];
  const found = [{ path: own, isBus: false }];
  return existsSync(bus) ? [{ path: bus, isBus: true }, ...found] : found;
}

/** A scope that is to be started; systemd.scope(5). */
export interface ScopeRequest {
  /** `NAME.scope` */
  readonly name: string;
  readonly description: string;
  /** `NAME.slice` */
  readonly slice: string;
  /** What it is made of, at least one. */
  readonly pids: readonly number[];
}

/** systemd's manager of this user, over D-Bus; org.freedesktop.systemd1(5). */
export class SystemdManager implements AsyncDisposable {
  readonly #connection: DbusConnection;
  readonly #isBus: boolean;

  private constructor(connection: DbusConnection, isBus: boolean) {
    this.#connection = connection;
    this.#isBus = isBus;
  }

  /**
   * Connects to the first that answers.
   *
   * @throws TsmanError PREFLIGHT_CGROUP when none does.
   */
  static async connect(
    sockets: readonly ManagerSocket[],
    signal: AbortSignal | undefined,
  ): Promise<SystemdManager> {
    const { DbusConnection } = await import("../platform/dbus/connection.ts");
    const failures: unknown[] = [];
    for (const { path, isBus } of sockets) {
      const limit = AbortSignal.timeout(patience);
      const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
      try {
        const connection = await DbusConnection.open(path, isBus, either);
        const manager = new SystemdManager(connection, isBus);
        // A bus without systemd is found out by its first call.
        await manager.#call("Subscribe");
        return manager;
      } catch (error) {
        signal?.throwIfAborted();
        failures.push(error);
      }
    }
    const [first] = failures;
    throw new TsmanError(
      "PREFLIGHT_CGROUP",
      `ask systemd for a control group: ${first instanceof Error ? first.message : "it does not run"}`,
      { hint: "look whether it runs: systemctl --user status", cause: first },
    );
  }

  /**
   * Starts a delegated scope around processes; resolves when they are in it.
   *
   * Its limits are left to the groups in it: what supervises the container is in the scope too.
   *
   * @throws TsmanError PREFLIGHT_CGROUP with systemd's reason; DbusError `…UnitExists`.
   */
  async startScope({ name, description, slice, pids }: ScopeRequest): Promise<void> {
    const properties: readonly (readonly [string, string, DbusValue])[] = [
      ["Description", "s", description],
      ["Slice", "s", slice],
      ["PIDs", "au", pids],
      ["Delegate", "b", true],
      // The manager's default counts threads of the supervisor too.
      ["TasksMax", "t", 0xffff_ffff_ffff_ffffn],
      ["CollectMode", "s", "inactive-or-failed"],
      ["DefaultDependencies", "b", false],
    ];
    const removed = this.#jobsRemoved();
    if (this.#isBus) await this.#hearJobs();
    const [job] = await this.#call("StartTransientUnit", "ssa(sv)a(sa(sv))", [
      name,
      "fail",
      properties.map(([property, signature, value]) => [property, { signature, value }]),
      [],
    ]);
    const result = await removed(String(job));
    if (result === "done") return;
    throw new TsmanError("PREFLIGHT_CGROUP", `start ${name}: systemd says: ${result}`, {
      hint: "its reason is in the journal: journalctl --user --no-pager --lines 20",
    });
  }

  /** Moves processes into a group below a delegated unit's: `/monitor`. */
  async attach(unit: string, below: string, pids: readonly number[]): Promise<void> {
    await this.#call("AttachProcessesToUnit", "ssau", [unit, below, pids]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }

  async #call(member: string, signature = "", args: readonly DbusValue[] = []) {
    return await this.#connection.call({
      destination: this.#isBus ? managerName : undefined,
      path: managerPath,
      interface: managerInterface,
      member,
      signature,
      args,
    });
  }

  async #hearJobs(): Promise<void> {
    await this.#connection.call({
      destination: "org.freedesktop.DBus",
      path: "/org/freedesktop/DBus",
      interface: "org.freedesktop.DBus",
      member: "AddMatch",
      signature: "s",
      args: [`type='signal',interface='${managerInterface}',member='JobRemoved'`],
    });
  }

  /** The results of jobs, heard from now on: one may end before its start is answered. */
  #jobsRemoved(): (job: string) => Promise<string> {
    const results = new Map<string, string>();
    let tell: (() => void) | undefined;
    const stop = this.#connection.listen(({ member, body }) => {
      if (member !== "JobRemoved") return;
      results.set(String(body[1]), String(body[3]));
      tell?.();
    });
    return async (job) => {
      try {
        for (;;) {
          const result = results.get(job);
          if (result !== undefined) return result;
          const { promise, resolve } = Promise.withResolvers<void>();
          tell = resolve;
          await Promise.race([promise, this.#connection.failed]);
        }
      } finally {
        stop();
      }
    };
  }
}
