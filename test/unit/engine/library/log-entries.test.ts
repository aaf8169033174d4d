import { describe, expect, it } from "vitest";
import { logEntries } from "../../../../src/engine/library/log-entries.ts";
import type { ContainerLogLine } from "../../../../src/engine/types.ts";

/** Lines whose bytes are overwritten as soon as the next one is asked for, as the reader's are. */
async function* linesOf(
  ...lines: readonly (readonly [stream: "stdout" | "stderr", text: string, isPartial?: boolean])[]
): AsyncGenerator<ContainerLogLine> {
  for (const [index, [stream, content, isPartial = false]] of lines.entries()) {
    const text = Buffer.from(content);
    yield { time: String(index), stream, isPartial, text };
    text.fill(0);
  }
}

describe("entries of a log", () => {
  it("are whole lines with the time of their beginning, whatever came in between", async () => {
    const entries = logEntries(
      linesOf(["stdout", "a", true], ["stderr", "x"], ["stdout", "b", true], ["stdout", "ü"]),
    );
    expect(await Array.fromAsync(entries)).toEqual([
      { time: "1", stream: "stderr", text: "x" },
      { time: "0", stream: "stdout", text: "abü" },
    ]);
  });

  it("give what has no end at the end", async () => {
    const entries = logEntries(linesOf(["stderr", "p", true], ["stdout", "q", true]));
    expect((await Array.fromAsync(entries)).map(({ text }) => text)).toEqual(["q", "p"]);
  });

  it("cut a line that goes on for ever", async () => {
    const piece = "x".repeat(512 * 1024);
    const pieces = Array.from({ length: 5 }, () => ["stdout", piece, true] as const);
    const sizes = (await Array.fromAsync(logEntries(linesOf(...pieces)))).map(
      ({ text }) => text.length,
    );
    expect(sizes).toEqual([1 << 20, 1 << 20, 512 * 1024]);
  });
});
