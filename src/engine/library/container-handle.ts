import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerDetails } from "../details-types.ts";
import type { OwnedSession } from "../owned-session.ts";
import type { ContainerService, PortBinding, WaitOptions } from "../types.ts";
import { execAndCollect, spawnInContainer } from "./exec-process.ts";
import { asInterrupted, interruptible } from "./interruptible.ts";
import { logEntries } from "./log-entries.ts";
import type {
  CollectOptions,
  Container,
  ExecResult,
  LogEntry,
  LogOptions,
  ProcessOptions,
  SpawnedProcess,
  StopOptions,
} from "./types.ts";

/** What a {@link ContainerHandle} works with. */
export interface HandleParts {
  readonly context: EngineContext;
  readonly service: ContainerService;
  /** Of a container that goes with this process; missing: it does not. */
  readonly session?: OwnedSession | undefined;
  /** Called once when such a container is gone. */
  readonly onGone?: ((handle: ContainerHandle) => void) | undefined;
}

/** See {@link Container}. */
export class ContainerHandle implements Container {
  readonly id: string;
  readonly name: string;
  readonly #parts: HandleParts;
  /** Its monitors' connections: when the last one closes, the container goes. */
  readonly #sessions: OwnedSession[] = [];
  #ports: readonly PortBinding[];

  constructor({ id, name, ports }: Pick<Container, "id" | "name" | "ports">, parts: HandleParts) {
    this.id = id;
    this.name = name;
    this.#ports = ports;
    this.#parts = parts;
    this.#hold(parts.session);
  }

  get ports(): readonly PortBinding[] {
    return this.#ports;
  }

  port(containerPort: number, protocol: "tcp" | "udp" = "tcp"): number {
    const found = this.#ports.find(
      (port) => port.containerPort === containerPort && port.protocol === protocol,
    );
    if (found !== undefined) return found.hostPort;
    throw new TsmanError(
      "PORT_NOT_PUBLISHED",
      `find port ${containerPort}/${protocol} of container ${this.name}: it is not published`,
      { hint: `add ${containerPort} to ports`, details: { container: this.id } },
    );
  }

  exec(
    command: readonly string[],
    options: CollectOptions & { readonly encoding: "bytes" },
  ): Promise<ExecResult<Uint8Array>>;
  exec(
    command: readonly string[],
    options?: CollectOptions & { readonly encoding?: "utf8" | undefined },
  ): Promise<ExecResult>;
  async exec(
    command: readonly string[],
    options: CollectOptions = {},
  ): Promise<ExecResult<string | Uint8Array>> {
    return await execAndCollect(this.#parts.context, this, command, options);
  }

  async spawn(command: readonly string[], options: ProcessOptions = {}): Promise<SpawnedProcess> {
    return await spawnInContainer(this.#parts.context, this, command, options);
  }

  async *logs(options: LogOptions = {}): AsyncGenerator<LogEntry> {
    yield* logEntries(this.#parts.service.logs(this.id, options));
  }

  async wait(options: WaitOptions = {}): Promise<{ readonly status: number }> {
    return await this.#parts.service.wait(this.id, options);
  }

  async inspect(): Promise<ContainerDetails> {
    return await this.#parts.service.inspect(this.id);
  }

  async start(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { context, service } = this.#parts;
    const { signal } = options;
    const isOwned = this.#sessions.length > 0;
    const { startContainer } = await import("../containers/start-container.ts");
    const streams = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
    try {
      const io = { ...streams, signal, ephemeral: isOwned };
      const session = await startContainer(context, this.id, io);
      if (isOwned) this.#hold(session);
      else session?.release();
    } catch (error) {
      throw asInterrupted(error, signal, `start container ${this.name}`);
    }
    this.#ports = (await service.find(this.id))?.ports ?? [];
  }

  async stop({ timeout, signal }: StopOptions = {}): Promise<void> {
    const { service } = this.#parts;
    await interruptible(signal, `stop container ${this.name}`, () =>
      service.stop(this.id, { timeout }),
    );
  }

  async kill(signal?: string | number): Promise<void> {
    await this.#parts.service.kill(this.id, signal === undefined ? undefined : String(signal));
  }

  async pause(): Promise<void> {
    await this.#parts.service.pause(this.id);
  }

  async unpause(): Promise<void> {
    await this.#parts.service.unpause(this.id);
  }

  async remove(): Promise<void> {
    await this.#parts.service.remove(this.id, { force: true, timeout: 0, volumes: true });
    this.#letGo();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#sessions.length === 0) return;
    try {
      await this.remove();
    } catch (error) {
      // Somebody else was faster.
      if (!isTsmanError(error, "CONTAINER_NOT_FOUND")) throw error;
      this.#letGo();
    }
  }

  #hold(session: OwnedSession | undefined): void {
    if (session === undefined) return;
    // A forgotten container does not keep the process: it ends with it.
    session.keepProcess(false);
    this.#sessions.push(session);
  }

  /** Only now: a monitor that loses its caller removes what is still there. */
  #letGo(): void {
    for (const session of this.#sessions.splice(0)) session.release();
    this.#parts.onGone?.(this);
  }
}
