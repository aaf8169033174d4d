import { DbusReader, type DbusValue, type DbusVariant, DbusWriter } from "./marshal.ts";

/** A method of an object; D-Bus specification, "Message Types". */
export interface DbusCall {
  /** Missing: the peer itself, where no bus is between. */
  readonly destination?: string | undefined;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** Of `args`. */
  readonly signature?: string | undefined;
  readonly args?: readonly DbusValue[] | undefined;
}

/** What comes from the other side, as far as somebody waits for it. */
export interface DbusMessage {
  readonly type: "return" | "error" | "signal" | "call";
  readonly replySerial: number | undefined;
  readonly interface: string | undefined;
  readonly member: string | undefined;
  /** `org.freedesktop.DBus.Error.…` */
  readonly errorName: string | undefined;
  readonly body: readonly DbusValue[];
}

const types = ["invalid", "call", "return", "error", "signal"] as const;
const field = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  signature: 8,
};
const littleEndian = "l".charCodeAt(0);
const fixedHeader = 16;
/** "Message Format": 128 MiB; nothing that systemd says to us comes near. */
const longest = 16 << 20;

/** The bytes of a call. */
export function encodeCall(call: DbusCall, serial: number): Buffer {
  const { destination, path, member, signature = "", args = [] } = call;
  const body = new DbusWriter();
  body.write(signature, args);
  const fields: readonly (readonly [number, string, string])[] = [
    [field.path, "o", path],
    [field.interface, "s", call.interface],
    [field.member, "s", member],
    ...(destination === undefined ? [] : [[field.destination, "s", destination] as const]),
    ...(signature === "" ? [] : [[field.signature, "g", signature] as const]),
  ];
  const header = new DbusWriter();
  header.write("yyyyuua(yv)", [
    littleEndian,
    types.indexOf("call"),
    0,
    1,
    body.bytes.length,
    serial,
    fields.map(([code, type, value]) => [code, { signature: type, value }]),
  ]);
  header.align(8);
  return Buffer.concat([header.bytes, body.bytes]);
}

/**
 * The first message in `bytes`.
 *
 * @returns undefined until all of it is there.
 * @throws Error for what is none.
 */
export function decodeMessage(
  bytes: Buffer,
): { readonly message: DbusMessage; readonly size: number } | undefined {
  if (bytes.length < fixedHeader) return undefined;
  if (bytes[0] !== littleEndian) throw new Error("a D-Bus message is not little endian");
  const bodySize = bytes.readUInt32LE(4);
  const fieldsSize = bytes.readUInt32LE(12);
  const headerSize = Math.ceil((fixedHeader + fieldsSize) / 8) * 8;
  const size = headerSize + bodySize;
  if (size > longest) throw new Error(`a D-Bus message of ${size} bytes`);
  if (bytes.length < size) return undefined;
  const [, type, , , , , list] = new DbusReader(bytes.subarray(0, headerSize)).read("yyyyuua(yv)");
  const fields = new Map(
    (list as readonly (readonly [number, DbusVariant])[]).map(([code, { value }]) => [code, value]),
  );
  const text = (code: number): string | undefined => {
    const value = fields.get(code);
    return value === undefined ? undefined : String(value);
  };
  const kind = types[type as number];
  const replySerial = fields.get(field.replySerial);
  return {
    size,
    message: {
      type: kind === undefined || kind === "invalid" ? "signal" : kind,
      replySerial: replySerial === undefined ? undefined : Number(replySerial),
      interface: text(field.interface),
      member: text(field.member),
      errorName: text(field.errorName),
      body: new DbusReader(bytes.subarray(headerSize, size)).read(text(field.signature) ?? ""),
    },
  };
}
