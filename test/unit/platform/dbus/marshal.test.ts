import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DbusReader,
  type DbusValue,
  DbusWriter,
  splitSignature,
} from "../../../../src/platform/dbus/marshal.ts";
import { decodeMessage, encodeCall } from "../../../../src/platform/dbus/message.ts";

function written(signature: string, values: readonly DbusValue[]): Buffer {
  const writer = new DbusWriter();
  writer.write(signature, values);
  return writer.bytes;
}

describe("a signature", () => {
  it("is taken apart into complete types", () => {
    expect(splitSignature("ssa(sv)a(sa(sv))")).toEqual(["s", "s", "a(sv)", "a(sa(sv))"]);
    expect(splitSignature("a{sv}u")).toEqual(["a{sv}", "u"]);
    expect(splitSignature("")).toEqual([]);
  });

  it.each(["z", "(s", "a", "a{s", "s)"])("%j is none", (text) => {
    expect(() => splitSignature(text)).toThrow("not a D-Bus signature");
  });
});

describe("values of the wire", () => {
  it("are aligned as the specification says", () => {
    expect(written("yu", [1, 2]).toString("hex")).toBe("0100000002000000");
    expect(written("s", ["ab"]).toString("hex")).toBe("02000000616200");
    expect(written("au", [[1]]).toString("hex")).toBe("0400000001000000");
    // The array's length counts no padding before its first element, also where there is none.
    expect(written("at", [[]]).toString("hex")).toBe("0000000000000000");
    expect(written("v", [{ signature: "b", value: true }]).toString("hex")).toBe(
      "0162000001000000",
    );
  });

  it("are read as they were written", () => {
    const values: readonly DbusValue[] = [
      7,
      "text",
      [
        ["Delegate", { signature: "b", value: true }],
        ["PIDs", { signature: "au", value: [1, 2, 3] }],
        ["TasksMax", { signature: "t", value: 0xffff_ffff_ffff_ffffn }],
      ],
      -5n,
    ];
    expect(new DbusReader(written("ysa(sv)x", values)).read("ysa(sv)x")).toEqual(values);
  });

  it("are read in bounds, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          new DbusReader(Buffer.from(bytes)).read("a(sv)sg");
        } catch (error) {
          expect(String(error)).toMatch(/shorter than it says|not a D-Bus signature|too deeply/);
        }
      }),
    );
  });
});

describe("a message", () => {
  const call = {
    destination: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: "GetUnit",
    signature: "s",
    args: ["a.scope"],
  };

  it("is read as it was written", () => {
    const bytes = encodeCall(call, 9);
    expect(decodeMessage(bytes)).toMatchObject({
      size: bytes.length,
      message: { type: "call", member: "GetUnit", interface: call.interface, body: ["a.scope"] },
    });
  });

  it("is awaited until all of it is there", () => {
    const bytes = encodeCall(call, 9);
    for (const size of [0, 15, 16, bytes.length - 1]) {
      expect(decodeMessage(bytes.subarray(0, size)), String(size)).toBeUndefined();
    }
  });

  it("that is too large, or of the other byte order, is refused", () => {
    const large = encodeCall(call, 9);
    large.writeUInt32LE(0x7fff_ffff, 4);
    expect(() => decodeMessage(large)).toThrow("bytes");
    const other = encodeCall(call, 9);
    other[0] = "B".charCodeAt(0);
    expect(() => decodeMessage(other)).toThrow("little endian");
  });
});
