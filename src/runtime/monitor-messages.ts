import { TsmanError } from "../errors/index.ts";
import { limits, message } from "./protocol.ts";

/** A FAILED frame taken apart. */
export interface FailureMessage {
  readonly type: "failed";
  /** Position among the plan's steps; -1: it was not a step. */
  readonly stepIndex: number;
  /** Error number, 0 if there is none. */
  readonly errno: number;
  readonly stage: string;
  /** "mount", "open", … */
  readonly operation: string;
  /** What it was done to; may be empty. */
  readonly object: string;
  /** The kernel's or a helper's own words; may be empty. */
  readonly detail: string;
}

/** What a monitor says. */
export type MonitorMessage =
  | { readonly type: "created"; readonly pid: number; readonly startTime: bigint }
  | { readonly type: "ready" }
  | { readonly type: "started" }
  | { readonly type: "kept" }
  | { readonly type: "caller"; readonly pid: number }
  | { readonly type: "left" }
  | FailureMessage
  | { readonly type: "exited"; readonly waitStatus: number }
  | { readonly type: "detached" }
  | { readonly type: "warning"; readonly text: string };

const headerBytes = 8;
/** Room for every message of the monitor: FAILED carries paths and 4 KiB of detail. */
const maxReplyBytes = 64 * 1024;

/**
 * Cuts the monitor's byte stream into messages.  The monitor is ours, but an
 * installation whose two halves do not match must not make us read or allocate out of bounds.
 */
export class MonitorMessageDecoder {
  #pending: Buffer = Buffer.alloc(0);

  /**
   * Takes the next bytes of the stream and gives the messages that they complete.
   *
   * @throws TsmanError RUNTIME_FAILED on an unknown type, a wrong length or an unterminated string
   */
  push(chunk: Uint8Array): MonitorMessage[] {
    this.#pending =
      this.#pending.byteLength === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    const messages: MonitorMessage[] = [];
    while (this.#pending.byteLength >= headerBytes) {
      const type = this.#pending.readUInt32LE(0);
      const length = this.#pending.readUInt32LE(4);
      if (length > Math.min(limits.FRAME_BYTES, maxReplyBytes)) {
        throw malformed(`frame ${type} of ${length} bytes exceeds ${maxReplyBytes}`);
      }
      if (this.#pending.byteLength < headerBytes + length) break;
      messages.push(decode(type, this.#pending.subarray(headerBytes, headerBytes + length)));
      this.#pending = this.#pending.subarray(headerBytes + length);
    }
    return messages;
  }

  /** Whether the stream stopped inside a frame. */
  get isIncomplete(): boolean {
    return this.#pending.byteLength > 0;
  }
}

function decode(type: number, payload: Buffer): MonitorMessage {
  switch (type) {
    case message.CREATED:
      exactly(payload, 12, "CREATED");
      return {
        type: "created",
        pid: payload.readUInt32LE(0),
        startTime: payload.readBigUInt64LE(4),
      };
    case message.READY:
      exactly(payload, 0, "READY");
      return { type: "ready" };
    case message.STARTED:
      exactly(payload, 0, "STARTED");
      return { type: "started" };
    case message.KEPT:
      exactly(payload, 0, "KEPT");
      return { type: "kept" };
    case message.CALLER:
      exactly(payload, 4, "CALLER");
      return { type: "caller", pid: payload.readUInt32LE(0) };
    case message.LEFT:
      exactly(payload, 0, "LEFT");
      return { type: "left" };
    case message.FAILED:
      return decodeFailure(payload);
    case message.EXITED:
      exactly(payload, 4, "EXITED");
      return { type: "exited", waitStatus: payload.readInt32LE(0) };
    case message.DETACHED:
      exactly(payload, 0, "DETACHED");
      return { type: "detached" };
    case message.WARNING: {
      const [text] = strings(payload, 0, 1, "WARNING");
      return { type: "warning", text: text ?? "" };
    }
    default:
      throw malformed(`unknown frame type ${type}`);
  }
}

function decodeFailure(payload: Buffer): FailureMessage {
  if (payload.byteLength < 8) throw malformed(`FAILED of ${payload.byteLength} bytes`);
  const [stage = "", operation = "", object = "", detail = ""] = strings(payload, 8, 4, "FAILED");
  return {
    type: "failed",
    stepIndex: payload.readInt32LE(0),
    errno: payload.readUInt32LE(4),
    stage,
    operation,
    object,
    detail,
  };
}

/** Exactly `count` NUL-terminated strings that fill the payload from `offset` on. */
function strings(payload: Buffer, offset: number, count: number, name: string): string[] {
  const found: string[] = [];
  let position = offset;
  while (found.length < count) {
    const end = payload.indexOf(0, position);
    if (end < 0) throw malformed(`${name} with an unterminated string`);
    found.push(payload.toString("utf8", position, end));
    position = end + 1;
  }
  if (position !== payload.byteLength) throw malformed(`${name} with bytes behind its last string`);
  return found;
}

function exactly(payload: Buffer, size: number, name: string): void {
  if (payload.byteLength === size) return;
  throw malformed(`${name} of ${payload.byteLength} bytes, not ${size}`);
}

function malformed(why: string): TsmanError {
  return new TsmanError("RUNTIME_FAILED", `read monitor's message: ${why}`, {
    hint: "rebuild tsman: its native program and its TypeScript do not belong together",
  });
}
