import { createConnection, type Socket } from "node:net";
import process from "node:process";
import type { DbusValue } from "./marshal.ts";
import { type DbusCall, type DbusMessage, decodeMessage, encodeCall } from "./message.ts";

/** A call that the other side has refused. */
export class DbusError extends Error {
  override readonly name = "DbusError";
  /** `org.freedesktop.systemd1.UnitExists` and the like. */
  readonly errorName: string;

  constructor(errorName: string, text: string) {
    super(text);
    this.errorName = errorName;
  }
}

interface Waiting {
  readonly resolve: (body: readonly DbusValue[]) => void;
  readonly reject: (error: unknown) => void;
}

type Listener = (message: DbusMessage) => void;

/**
 * A connection to a bus, or to a peer, as this user: the socket says who that is (SO_PEERCRED), so
 * that the secret of "EXTERNAL" is only the uid (D-Bus specification, "Authentication Protocol").
 */
export class DbusConnection implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<Listener>();
  readonly #failed = Promise.withResolvers<never>();
  #greeting = "";
  #authenticated: (() => void) | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #serial = 0;

  /**
   * @param path of a unix stream socket.
   * @param isBus whether a bus is there, which wants a greeting, or systemd's own socket.
   * @param signal ends it, at any time.
   * @throws Error when nobody is there who speaks D-Bus and takes this user.
   */
  static async open(path: string, isBus: boolean, signal: AbortSignal): Promise<DbusConnection> {
    signal.throwIfAborted();
    const connection = new DbusConnection(path, signal);
    try {
      await connection.#authenticate();
      if (isBus) {
        await connection.call({
          destination: "org.freedesktop.DBus",
          path: "/org/freedesktop/DBus",
          interface: "org.freedesktop.DBus",
          member: "Hello",
        });
      }
      return connection;
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(path: string, signal: AbortSignal) {
    this.#socket = createConnection(path);
    const abort = (): void => this.#fail(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#failed.promise.catch(() => signal.removeEventListener("abort", abort));
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error(`${path}: the connection has ended`)));
  }

  /** A method's answer. @throws DbusError */
  async call(call: DbusCall): Promise<readonly DbusValue[]> {
    this.#serial += 1;
    const { promise, resolve, reject } = Promise.withResolvers<readonly DbusValue[]>();
    this.#waiting.set(this.#serial, { resolve, reject });
    this.#socket.write(encodeCall(call, this.#serial));
    return await Promise.race([promise, this.#failed.promise]);
  }

  /** Hears every signal from now on; the function that it returns ends that. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Rejects when the connection has failed, for whoever waits for a signal. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    this.#fail(new Error("the connection was closed"));
  }

  async #authenticate(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#authenticated = resolve;
    const uid = Buffer.from(String(process.geteuid?.() ?? 0)).toString("hex");
    this.#socket.write(`\0AUTH EXTERNAL ${uid}\r\n`);
    await Promise.race([promise, this.#failed.promise]);
    this.#socket.write("BEGIN\r\n");
  }

  #receive(chunk: Buffer): void {
    try {
      if (this.#authenticated !== undefined) {
        this.#greet(chunk);
        return;
      }
      this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
      for (;;) {
        const decoded = decodeMessage(this.#rest);
        if (decoded === undefined) return;
        this.#rest = this.#rest.subarray(decoded.size);
        this.#take(decoded.message);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** One line: nothing else comes before BEGIN. */
  #greet(chunk: Buffer): void {
    this.#greeting += chunk.toString("latin1");
    if (!this.#greeting.endsWith("\r\n")) {
      if (this.#greeting.length > 1024) throw new Error("it does not speak D-Bus");
      return;
    }
    if (!this.#greeting.startsWith("OK ")) throw new Error(`refused: ${this.#greeting.trim()}`);
    this.#authenticated?.();
    this.#authenticated = undefined;
  }

  #take(message: DbusMessage): void {
    if (message.type === "signal") {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    const waiting = this.#waiting.get(message.replySerial ?? 0);
    if (waiting === undefined) return;
    this.#waiting.delete(message.replySerial ?? 0);
    if (message.type === "return") waiting.resolve(message.body);
    else {
      const text = String(message.body[0] ?? message.errorName);
      waiting.reject(new DbusError(message.errorName ?? "", text));
    }
  }

  #fail(error: unknown): void {
    this.#failed.promise.catch(() => {});
    this.#failed.reject(error);
    this.#socket.destroy();
  }
}
