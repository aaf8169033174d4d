import type { Duplex } from "node:stream";
import { TsmanError } from "../errors/index.ts";
import { nativeProgram } from "../platform/native.ts";
import { spawnProgram } from "../platform/process.ts";
import type { MonitorStream } from "./monitor-client.ts";
import type { WaitStatus } from "./monitor-handle.ts";
import {
  type FailureMessage,
  type MonitorMessage,
  MonitorMessageDecoder,
} from "./monitor-messages.ts";
import { controlFd } from "./protocol.ts";

/** What {@link startAttachRelay} takes. */
export interface AttachRequest {
  /** The volatile directory of the container; the monitor's socket is in it. */
  readonly runDir: string;
  readonly stdio: {
    readonly stdin: MonitorStream;
    readonly stdout: MonitorStream;
    readonly stderr: MonitorStream;
  };
  /** Whether descriptor 0 is the program's input. */
  readonly forwardStdin: boolean;
  /** Bytes that, typed in this order, end the connection; empty: none. */
  readonly detachKeys: readonly number[];
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** A relay between the caller's descriptors and a container's attach socket. */
export interface AttachRelay {
  /** The monitor has let us in; rejects with what {@link notConnected} makes of a failure. */
  readonly connected: Promise<void>;
  /** The program's end; undefined when the connection ended without a word of it. */
  readonly exited: Promise<WaitStatus | undefined>;
  /** The detach keys were typed; stays pending otherwise. */
  readonly detached: Promise<void>;
  /** Ends the relay; the container goes on. */
  end(): void;
}

/**
 * Starts the relay.  The program's bytes never pass through this process.
 *
 * @param notConnected makes the error of a failure to connect.
 */
export function startAttachRelay(
  request: AttachRequest,
  notConnected: (failure: FailureMessage) => TsmanError,
): AttachRelay {
  const { stdin, stdout, stderr } = request.stdio;
  const child = spawnProgram(
    nativeProgram(),
    ["attach", request.runDir, request.forwardStdin ? "stdin" : "-", request.detachKeys.join(",")],
    { stdio: [stdin, stdout, stderr, "pipe"] },
  );
  const connected = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<WaitStatus | undefined>();
  const detached = Promise.withResolvers<void>();
  // Whoever waits for one of them sees the failure there.
  connected.promise.catch(() => {});
  exited.promise.catch(() => {});
  const fail = (error: unknown): void => {
    connected.reject(error);
    exited.reject(error);
  };
  const take = (message: MonitorMessage): void => {
    if (message.type === "started") connected.resolve();
    else if (message.type === "exited") exited.resolve(message.waitStatus);
    else if (message.type === "detached") detached.resolve();
    else if (message.type === "warning") request.onWarning?.(message.text);
    else if (message.type === "failed") fail(notConnected(message));
  };
  const decoder = new MonitorMessageDecoder();
  const control = child.stdio[controlFd] as Duplex;
  control.on("data", (chunk: Buffer) => {
    try {
      for (const message of decoder.push(chunk)) take(message);
    } catch (error) {
      fail(error);
    }
  });
  control.on("error", () => {});
  child.once("error", (cause) => {
    fail(
      new TsmanError("PREFLIGHT_HELPER", `start ${nativeProgram()}: ${cause.message}`, {
        hint: "build tsman's native program: npm run build:native",
        cause,
      }),
    );
  });
  // "close" comes when the last message has been read.
  child.once("close", () => {
    exited.resolve(undefined);
    connected.reject(
      new TsmanError("CONTAINER_NOT_RUNNING", "attach to container: it has just ended"),
    );
  });
  return {
    connected: connected.promise,
    exited: exited.promise,
    detached: detached.promise,
    end: () => void child.kill("SIGKILL"),
  };
}
