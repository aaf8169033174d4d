import { once } from "node:events";
import type { Socket } from "node:net";
import { TsmanError } from "../errors/index.ts";
import { nativeProgram } from "../platform/native.ts";
import { type ChildProcess, type StdioOptions, spawnProgram } from "../platform/process.ts";
import {
  encodeGo,
  encodeLaunch,
  encodeResize,
  encodeSignal,
  encodeStart,
  encodeStop,
} from "./encode.ts";
import { failedRecord } from "./failed-record.ts";
import { monitorError } from "./failure.ts";
import type { LaunchPlan } from "./launch-plan.ts";
import type {
  CreatedProcess,
  MonitorHandle,
  MonitorStreams,
  WaitStatus,
} from "./monitor-handle.ts";
import { type MonitorMessage, MonitorMessageDecoder } from "./monitor-messages.ts";
import { controlFd, setting } from "./protocol.ts";

/** One of the program's three streams: the caller's own, none, a new pipe, or a descriptor number. */
export type MonitorStream = "inherit" | "ignore" | "pipe" | number;

/** What {@link startMonitor} takes. */
export interface MonitorRequest {
  /** Or what makes it for the monitor's pid, which is there and waits for it. */
  readonly plan: LaunchPlan | ((pid: number) => Promise<LaunchPlan>);
  readonly stdio: {
    readonly stdin: MonitorStream;
    readonly stdout: MonitorStream;
    readonly stderr: MonitorStream;
  };
  /**
   * Where other monitors have their run directories: they share the memory of their program then.
   * Missing: this one has its own, as native/self.h asks of those that execute it once more.
   */
  readonly siblings?: string | undefined;
  /** Descriptors of this process that the program gets as 3, 4 …; the plan says how many. */
  readonly preserve?: readonly number[] | undefined;
  /** When aborted before the program runs, set-up is given up and everything it made goes away. */
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * Starts the monitor of a container and hands it the plan.
 *
 * The program's bytes never pass through this process: the monitor gets the descriptors themselves.
 * All promises of the handle reject with the same TsmanError when the monitor reports a failure or
 * ends before it has said all.
 *
 * @throws TsmanError USAGE when the plan cannot be encoded, PREFLIGHT_HELPER when the native
 * program is missing
 */
export function startMonitor(request: MonitorRequest): Promise<MonitorHandle> {
  return MonitorClient.start(request);
}

/** Milliseconds that a monitor has to undo a start. */
const patience = 2000;

interface EncodedPlan {
  readonly plan: LaunchPlan;
  readonly frame: Uint8Array;
}

function encodedPlan(plan: LaunchPlan): EncodedPlan {
  return { plan, frame: encodeLaunch(plan) };
}

/** The monitor waits meanwhile; without a plan it has nothing to undo. */
async function madePlan(
  child: ChildProcess,
  pid: number,
  plan: MonitorRequest["plan"],
): Promise<EncodedPlan> {
  try {
    return encodedPlan(typeof plan === "function" ? await plan(pid) : plan);
  } catch (error) {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    throw error;
  }
}

type Milestone = "created" | "ready" | "started" | "exited";
const milestones: readonly Milestone[] = ["created", "ready", "started", "exited"];

class MonitorClient implements MonitorHandle {
  readonly pid: number;
  readonly created: Promise<CreatedProcess>;
  readonly ready: Promise<void>;
  readonly started: Promise<void>;
  readonly exited: Promise<WaitStatus>;
  readonly detached: Promise<void>;
  readonly asked: Promise<number>;
  readonly left: Promise<void>;
  readonly streams: MonitorStreams;
  readonly warnings: string[] = [];
  isKept = false;

  readonly #child: ChildProcess;
  readonly #control: Socket;
  readonly #plan: LaunchPlan;
  readonly #decoder = new MonitorMessageDecoder();
  readonly #onWarning: ((text: string) => void) | undefined;
  readonly #created = Promise.withResolvers<CreatedProcess>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #started = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<WaitStatus>();
  readonly #detached = Promise.withResolvers<void>();
  readonly #asked = Promise.withResolvers<number>();
  readonly #left = Promise.withResolvers<void>();
  #isDisconnected = false;
  #reached = 0;

  static async start(request: MonitorRequest): Promise<MonitorHandle> {
    request.signal?.throwIfAborted();
    const given = request.plan;
    // One that is there is refused before anything is started.
    const early = typeof given === "function" ? undefined : encodedPlan(given);
    const { stdin, stdout, stderr } = request.stdio;
    // A 'pipe' above descriptor 2 is a unix stream socket pair in Node: both ways, as we need it.
    const stdio: StdioOptions = [stdin, stdout, stderr, "pipe", ...(request.preserve ?? [])];
    const child = spawnProgram(nativeProgram(), ["monitor", request.siblings ?? ""], { stdio });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.once("spawn", resolve);
    child.once("error", reject);
    try {
      await promise;
    } catch (error) {
      throw new TsmanError("PREFLIGHT_HELPER", `start ${nativeProgram()}: ${String(error)}`, {
        hint: "build tsman's native program: npm run build:native",
        cause: error,
      });
    }
    const pid = child.pid ?? -1;
    const made = early ?? (await madePlan(child, pid, given));
    return new MonitorClient(child, request, made);
  }

  constructor(child: ChildProcess, request: MonitorRequest, { plan, frame }: EncodedPlan) {
    this.#child = child;
    this.pid = child.pid ?? -1;
    this.#plan = plan;
    this.#onWarning = request.onWarning;
    this.#control = child.stdio[controlFd] as Socket;
    this.streams = {
      stdin: child.stdin ?? undefined,
      stdout: child.stdout ?? undefined,
      stderr: child.stderr ?? undefined,
    };
    // A program need not read its input to the end; how it ends says what came of that.
    this.streams.stdin?.on("error", () => {});
    this.created = this.#created.promise;
    this.ready = this.#ready.promise;
    this.started = this.#started.promise;
    this.exited = this.#exited.promise;
    this.detached = this.#detached.promise;
    this.asked = this.#asked.promise.then(async (pid) =>
      pid === 0 ? (await this.created).pid : pid,
    );
    this.left = this.#left.promise;
    // Whoever waits for one of them sees the failure there; the others must not bring Node down.
    const all = [this.created, this.asked, this.ready, this.left, this.started, this.exited];
    for (const promise of all) promise.catch(() => {});
    this.#control.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#control.on("end", () => this.#ended());
    this.#control.on("close", () => this.#ended());
    // EPIPE and ECONNRESET: the monitor is gone, and its last words may still be unread.
    this.#control.on("error", () => {});
    this.#abortWith(request.signal);
    this.#control.write(frame);
  }

  #abortWith(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const abort = (): void => {
      if (this.#reached >= milestones.indexOf("started") + 1) return;
      this.#fail(
        new TsmanError("INTERRUPTED", "start container: interrupted", { cause: signal.reason }),
      );
      // The monitor ends what it began when its caller goes away before START.
      if (!this.#isEphemeral()) this.#control.destroy();
      this.#child.kill("SIGTERM");
    };
    if (signal.aborted) abort();
    else {
      signal.addEventListener("abort", abort, { once: true });
      // A signal may live longer than many containers.
      const forget = (): void => signal.removeEventListener("abort", abort);
      this.started.then(forget, forget);
    }
  }

  /** Then the end of the connection means that nobody is left who could clean up. */
  #isEphemeral(): boolean {
    return this.#plan.records.some(({ op }) => op === setting.EPHEMERAL);
  }

  #receive(chunk: Buffer): void {
    try {
      for (const message of this.#decoder.push(chunk)) this.#handle(message);
    } catch (error) {
      this.#fail(error);
      this.#control.destroy();
    }
  }

  #handle(message: MonitorMessage): void {
    switch (message.type) {
      case "created":
        this.#reach("created");
        this.#created.resolve({ pid: message.pid, startTime: message.startTime });
        return;
      case "ready":
        this.#reach("ready");
        this.#ready.resolve();
        return;
      case "started":
        this.#reach("started");
        this.#started.resolve();
        return;
      case "kept":
        this.isKept = true;
        return;
      case "caller":
        this.#asked.resolve(message.pid);
        return;
      case "left":
        this.#left.resolve();
        return;
      case "exited":
        this.#reach("exited");
        this.#exited.resolve(message.waitStatus);
        return;
      case "detached":
        this.#detached.resolve();
        return;
      case "warning":
        this.warnings.push(message.text);
        this.#onWarning?.(message.text);
        return;
      case "failed": {
        const { stepIndex, stage, operation, object, errno, detail } = message;
        const step = failedRecord(this.#plan, message);
        this.#fail(monitorError({ step, stepIndex, stage, operation, object, errno, detail }));
        return;
      }
    }
  }

  #reach(milestone: Milestone): void {
    this.#reached = Math.max(this.#reached, milestones.indexOf(milestone) + 1);
  }

  #fail(error: unknown): void {
    this.#created.reject(error);
    this.#asked.reject(error);
    this.#ready.reject(error);
    this.#left.reject(error);
    this.#started.reject(error);
    this.#exited.reject(error);
  }

  #ended(): void {
    if (this.#isDisconnected) return;
    const hasStarted = this.#reached >= milestones.indexOf("started") + 1;
    const error = hasStarted
      ? new TsmanError(
          "EXIT_STATUS_UNKNOWN",
          "wait for container: its monitor ended without saying how the program did",
          { hint: "somebody killed the monitor; the container was ended with it" },
        )
      : new TsmanError("RUNTIME_FAILED", "start container: the monitor ended without a word", {
          hint: "it was killed, or crashed: see the kernel's log (dmesg)",
        });
    this.#fail(error);
  }

  start(): void {
    this.#send(encodeStart());
  }

  go(): void {
    this.#send(encodeGo());
  }

  signal(signal: number): void {
    this.#send(encodeSignal(signal));
  }

  resize(rows: number, columns: number): void {
    this.#send(encodeResize(rows, columns));
  }

  stop(signal: number, milliseconds: number): void {
    this.#send(encodeStop(signal, milliseconds));
  }

  #send(frame: Buffer): void {
    if (this.#isDisconnected || !this.#control.writable) return;
    this.#control.write(frame);
  }

  async end(): Promise<void> {
    this.#isDisconnected = true;
    if (this.#hasEnded()) return;
    const ended = once(this.#child, "exit");
    // Before STARTED that is enough; a program that has just started goes on without us, and then
    // the kernel ends it with its monitor (PR_SET_PDEATHSIG).
    if (this.#isEphemeral()) this.#child.kill("SIGTERM");
    else this.#control.destroy();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), patience);
    await ended;
    clearTimeout(timer);
    this.#control.destroy();
  }

  async departed(): Promise<void> {
    this.#isDisconnected = true;
    if (!this.#hasEnded()) await once(this.#child, "exit");
    this.#control.destroy();
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  keepProcess(isWanted: boolean): void {
    if (isWanted) {
      this.#child.ref();
      this.#control.ref();
    } else {
      this.#child.unref();
      this.#control.unref();
    }
  }

  disconnect(): void {
    this.#isDisconnected = true;
    this.#control.destroy();
    this.#child.unref();
  }
}
