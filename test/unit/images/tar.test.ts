import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dir, file, opaque, symlink, whiteout } from "../../../images/recipe.ts";
import { entryHeaders, paxRecord, ustarHeader, writeTar } from "../../../images/tar.ts";

async function archive(...entries: Parameters<typeof entryHeaders>[0][]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of writeTar(entries)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("a PAX record", () => {
  it("begins with its own length in decimal, whatever the value's length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1200 }), (value) => {
        const record = paxRecord("k", value);
        const text = record.toString("latin1");
        expect(Number(text.slice(0, text.indexOf(" ")))).toBe(record.length);
        expect(text.endsWith("\n")).toBe(true);
      }),
    );
  });

  it("is right where the length gains a digit by counting itself", () => {
    // " k=" + value + newline is 98 bytes: with two digits 100, which has three.
    expect(paxRecord("k", "x".repeat(94)).length).toBe(101);
    expect(paxRecord("k", "x".repeat(93)).length).toBe(99);
  });
});

describe("a header", () => {
  it("has the sum of its bytes as checksum, its own field counted as spaces", () => {
    const header = ustarHeader({ name: "a", size: 5 });
    const stated = Number.parseInt(header.subarray(148, 154).toString("latin1"), 8);
    header.fill(" ", 148, 156);
    expect(stated).toBe(header.reduce((sum, byte) => sum + byte, 0));
  });

  it("can lie about it", () => {
    const header = ustarHeader({ name: "a", checksum: 1 });
    expect(header.subarray(148, 154).toString("latin1")).toBe("000001");
  });
});

describe("an archive", () => {
  it("is a number of whole blocks and ends with two of zeros", async () => {
    const bytes = await archive(dir("a"), file("a/b", "hello"), symlink("a/c", "b"));
    expect(bytes.length % 512).toBe(0);
    expect(bytes.subarray(-1024).every((byte) => byte === 0)).toBe(true);
  });

  it("has a PAX header for a name that is long, or no ASCII, and none else", () => {
    const headers = (path: string | Buffer) => entryHeaders(file(path, ""), 0);
    expect(headers("short").length).toBe(512);
    expect(headers("n".repeat(100)).length).toBe(512);
    const long = Buffer.from("n".repeat(101));
    expect(headers(long).includes(Buffer.concat([Buffer.from("path="), long]))).toBe(true);
    const raw = Buffer.from([0x66, 0xe9]);
    expect(headers(raw).includes(Buffer.concat([Buffer.from("path="), raw]))).toBe(true);
  });

  it("writes times before 1970 and parts of seconds as PAX decimals", () => {
    const time = (seconds: number, nanoseconds = 0) =>
      entryHeaders(file("f", "", { mtime: { seconds, nanoseconds } }), 0).toString("latin1");
    expect(time(5, 7)).toContain("mtime=5.000000007\n");
    expect(time(-86_400)).toContain("mtime=-86400.000000000\n");
    // -2 s + 0.25 s
    expect(time(-2, 250_000_000)).toContain("mtime=-1.750000000\n");
  });
});

describe("a whiteout", () => {
  it("stands beside what it hides, an opaque marker inside", () => {
    expect(whiteout("a/b/c").path).toBe("a/b/.wh.c");
    expect(whiteout("top").path).toBe(".wh.top");
    expect(opaque("a/b").path).toBe("a/b/.wh..wh..opq");
  });
});
