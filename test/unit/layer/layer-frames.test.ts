import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { LayerFrames } from "../../../src/layer/worker/layer-frames.ts";
import { frameHead } from "../../../src/layer/worker-protocol.ts";

/** A layer as the main process sends it. */
function sent(request: string, ...pieces: string[]): Buffer {
  const frames = [request, ...pieces, ""].flatMap((text) => [
    frameHead(Buffer.byteLength(text)),
    Buffer.from(text),
  ]);
  return Buffer.concat(frames);
}

function framesOf(bytes: Buffer, size = bytes.length): LayerFrames {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return new LayerFrames(Readable.from(pieces));
}

async function rest(frames: LayerFrames): Promise<string> {
  let text = "";
  for (let piece = await frames.read(); piece !== undefined; piece = await frames.read()) {
    text += piece.toString();
  }
  return text;
}

describe("the frames of layers", () => {
  it.each([1, 2, 3, 5, 7, 1000])("are found in pieces of %i bytes", async (size) => {
    const bytes = Buffer.concat([sent("first", "abc", "d"), sent("second"), sent("third", "e")]);
    const frames = framesOf(bytes, size);
    for (const [request, content] of [
      ["first", "abcd"],
      ["second", ""],
      ["third", "e"],
    ]) {
      expect((await frames.begin(10))?.toString()).toBe(request);
      expect(await rest(frames)).toBe(content);
      // Its end is the end, however often one asks.
      expect(await frames.read()).toBeUndefined();
    }
    expect(await frames.begin(10)).toBeUndefined();
  });

  it("that are cut off are an error, not the end of a layer", async () => {
    const whole = sent("request", "content");
    for (let length = 1; length < whole.length; length += 1) {
      const frames = framesOf(whole.subarray(0, length));
      const all = async (): Promise<void> => {
        await frames.begin(10);
        await rest(frames);
      };
      await expect(all(), `${length} bytes`).rejects.toThrow("ended within a layer");
    }
  });

  it("do not let a request grow over its limit", async () => {
    await expect(framesOf(sent("request")).begin(6)).rejects.toThrow("a request of 7 bytes");
  });
});
