import { TsmanError } from "../errors/index.ts";
import type { LaunchPlan, PlanRecord } from "./launch-plan.ts";
import { limits, message, operationName, setting, step } from "./protocol.ts";

const frameHeaderBytes = 8;

/** Records whose arguments are data, which may hold NUL bytes: op → index of that argument. */
const dataArguments: ReadonlyMap<number, number> = new Map([
  [setting.DETACH_KEYS, 0],
  [step.WRITE_FILE, 1],
  [step.SECCOMP, 0],
]);

/** A frame: type and length, little endian, then the payload. */
export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  if (payload.byteLength > limits.FRAME_BYTES) {
    throw tooLarge(`frame of ${payload.byteLength} bytes`, "FRAME_BYTES");
  }
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.byteLength);
  frame.writeUInt32LE(type, 0);
  frame.writeUInt32LE(payload.byteLength, 4);
  frame.set(payload, frameHeaderBytes);
  return frame;
}

/**
 * The LAUNCH frame of a plan.
 *
 * @throws TsmanError USAGE when a string holds a NUL byte (no kernel string can) or the plan is
 * larger than the monitor accepts: it checks all of this again.
 */
export function encodeLaunch(plan: LaunchPlan): Buffer {
  if (plan.records.length > limits.RECORDS) {
    throw tooLarge(`${plan.records.length} records`, "RECORDS");
  }
  const opens = plan.records.filter((record) => record.op === setting.OPEN).length;
  if (opens > limits.OPENS) throw tooLarge(`${opens} paths to open`, "OPENS");
  const parts: Buffer[] = [];
  let total = 0;
  for (const record of plan.records) {
    const encoded = encodeRecord(record);
    total += encoded.byteLength;
    if (total > limits.LAUNCH_BYTES) throw tooLarge("the plan", "LAUNCH_BYTES");
    parts.push(encoded);
  }
  return encodeFrame(message.LAUNCH, Buffer.concat(parts, total));
}

function encodeRecord(record: PlanRecord): Buffer {
  if (record.args.length > limits.ARGS) {
    throw tooLarge(`${operationName(record.op)} with ${record.args.length} arguments`, "ARGS");
  }
  const args = record.args.map((arg, index) => encodeArgument(record, arg, index));
  const size = args.reduce((sum, arg) => sum + 4 + arg.byteLength + 1, 4);
  const encoded = Buffer.allocUnsafe(size);
  encoded.writeUInt16LE(record.op, 0);
  encoded.writeUInt16LE(record.args.length, 2);
  let offset = 4;
  for (const arg of args) {
    offset = encoded.writeUInt32LE(arg.byteLength, offset);
    encoded.set(arg, offset);
    offset += arg.byteLength;
    encoded[offset++] = 0;
  }
  return encoded;
}

function encodeArgument(record: PlanRecord, arg: string | Uint8Array, index: number): Uint8Array {
  const bytes = typeof arg === "string" ? Buffer.from(arg) : arg;
  if (dataArguments.get(record.op) !== index && bytes.includes(0)) {
    const what = `${operationName(record.op)} argument ${index + 1}`;
    throw new TsmanError("USAGE", `encode plan: ${what} (${record.because}) holds a NUL byte`, {
      hint: "remove the NUL byte: paths, names and arguments cannot hold one",
    });
  }
  return bytes;
}

function tooLarge(what: string, limit: keyof typeof limits): TsmanError {
  return new TsmanError("USAGE", `encode plan: ${what} exceed ${limit} (${limits[limit]})`, {
    hint: "use fewer or shorter arguments, environment variables or mounts",
    details: { limit, value: limits[limit] },
  });
}

/** START: go on after READY. */
export function encodeStart(): Buffer {
  return encodeFrame(message.START);
}

/** SIGNAL: to the container's init. */
export function encodeSignal(signal: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(signal);
  return encodeFrame(message.SIGNAL, payload);
}

/** RESIZE: the size of the terminal; what does not fit 16 bits is clamped. */
export function encodeResize(rows: number, columns: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt16LE(Math.min(rows, 0xffff), 0);
  payload.writeUInt16LE(Math.min(columns, 0xffff), 2);
  return encodeFrame(message.RESIZE, payload);
}

/** STOP: a signal, and SIGKILL when that did not end the container in time. */
export function encodeStop(signal: number, milliseconds: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32LE(signal, 0);
  payload.writeUInt32LE(Math.min(milliseconds, 0xffff_ffff), 4);
  return encodeFrame(message.STOP, payload);
}
