import { TsmanError } from "../errors/index.ts";
import type { LaunchPlan, PlanRecord } from "./launch-plan.ts";
import { limits, message, operationName, setting, step } from "./protocol.ts";

const frameHeaderBytes = 8;

/** Records whose arguments are data, which may hold NUL bytes: op → index of that argument. */
const dataArguments: ReadonlyMap<number, number> = new Map([
  [setting.DETACH_KEYS, 0],
  [setting.HEALTH_PLAN, 0],
  [setting.HEALTH_STARTUP_PLAN, 0],
  [setting.DEVICE_FILTER, 0],
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
  let room = 0;
  let opens = 0;
  for (const record of plan.records) {
    if (record.args.length > limits.ARGS) {
      const what = `${operationName(record.op)} (${record.because})`;
      throw tooLarge(`${what} with ${record.args.length} arguments`, "ARGS");
    }
    if (record.op === setting.OPEN) opens++;
    room += 4;
    // A UTF-16 unit is at most three bytes of UTF-8.
    for (const arg of record.args) room += (typeof arg === "string" ? 3 : 1) * arg.length + 5;
  }
  if (opens > limits.OPENS) throw tooLarge(`${opens} paths to open`, "OPENS");
  // One buffer for all: a start has hundreds of arguments and is measured in milliseconds.
  const payload = Buffer.allocUnsafe(room);
  let offset = 0;
  for (const record of plan.records) offset = writeRecord(payload, offset, record);
  if (offset > limits.LAUNCH_BYTES) throw tooLarge("the plan", "LAUNCH_BYTES");
  return encodeFrame(message.LAUNCH, payload.subarray(0, offset));
}

/** The payload of {@link encodeLaunch}: a plan that a monitor gets as part of another one. */
export function encodeRecords(plan: LaunchPlan): Buffer {
  return encodeLaunch(plan).subarray(frameHeaderBytes);
}

/** Writes one record at `offset`; gives the offset behind it. */
function writeRecord(payload: Buffer, offset: number, record: PlanRecord): number {
  payload.writeUInt16LE(record.op, offset);
  let position = payload.writeUInt16LE(record.args.length, offset + 2);
  record.args.forEach((arg, index) => {
    const start = position + 4;
    let length: number;
    if (typeof arg === "string") {
      if (arg.includes("\0")) throw holdsNul(record, index);
      length = payload.write(arg, start);
    } else {
      if (dataArguments.get(record.op) !== index && arg.includes(0)) throw holdsNul(record, index);
      payload.set(arg, start);
      length = arg.byteLength;
    }
    payload.writeUInt32LE(length, position);
    payload[start + length] = 0;
    position = start + length + 1;
  });
  return position;
}

function holdsNul(record: PlanRecord, index: number): TsmanError {
  const what = `${operationName(record.op)} argument ${index + 1}`;
  return new TsmanError("USAGE", `encode plan: ${what} (${record.because}) holds a NUL byte`, {
    hint: "remove the NUL byte: paths, names and arguments cannot hold one",
  });
}

function tooLarge(what: string, limit: keyof typeof limits): TsmanError {
  return new TsmanError("USAGE", `encode plan: ${what}, more than ${limit} (${limits[limit]})`, {
    hint: "use fewer or shorter arguments, environment variables or mounts",
    details: { limit, value: limits[limit] },
  });
}

/** START: go on after READY. */
export function encodeStart(): Buffer {
  return encodeFrame(message.START);
}

/** GO: on from a CALLER step. */
export function encodeGo(): Buffer {
  return encodeFrame(message.GO);
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
