import { describe, expect, test, vi } from "vitest";
import { progressView } from "../../../../src/cli/render/progress.ts";
import { fakeOutput } from "../fake-context.ts";

const digest = (n: number): string => `sha256:${String(n).padStart(64, "0")}`;
const short = "0".repeat(12);

function view(options: { isTerminal: boolean; quiet?: boolean; columns?: number }) {
  const stderr = fakeOutput(options.isTerminal);
  const { quiet = false, columns = 80 } = options;
  return { stderr, ...progressView(stderr, { quiet, columns: () => columns }) };
}

describe("progress", () => {
  test("--quiet says nothing", () => {
    const { stderr, onProgress, finish } = view({ isTerminal: true, quiet: true });
    onProgress({ kind: "resolving", reference: "x" });
    onProgress({ kind: "layer-start", digest: digest(1), total: 5 });
    finish();
    expect(stderr.text).toBe("");
  });

  test("without a terminal it is plain lines, and none for bytes", () => {
    const { stderr, onProgress } = view({ isTerminal: false });
    onProgress({ kind: "layer-exists", digest: digest(0) });
    onProgress({ kind: "waiting", digest: digest(0), reason: "another tsman fetches it" });
    onProgress({ kind: "layer-progress", digest: digest(0), current: 1, total: 5 });
    onProgress({ kind: "retry", digest: digest(0), reason: "reset", delayMs: 1500 });
    expect(stderr.text).toBe(
      `Layer ${short}: already there\n` +
        `Layer ${short}: waiting: another tsman fetches it\n` +
        `Layer ${short}: again in 2 s: reset\n`,
    );
  });

  test("on a terminal a bar grows in its place, and its last state stays", () => {
    vi.useFakeTimers();
    const { stderr, onProgress, finish } = view({ isTerminal: true });
    onProgress({ kind: "layer-start", digest: digest(0), total: 100 });
    onProgress({ kind: "layer-progress", digest: digest(0), current: 50, total: 100 });
    onProgress({ kind: "layer-done", digest: digest(0) });
    finish();
    vi.useRealTimers();
    const bar = `${short} [${" ".repeat(40)}] 0 B / 100 B`;
    expect(stderr.text).toBe(`\x1b[2K${bar}\n\x1b[J\x1b[1A\x1b[2K${short} 100 B done\n\x1b[J`);
  });

  test("no line is wider than the terminal, whatever a reason says", () => {
    const { stderr, onProgress, finish } = view({ isTerminal: true, columns: 40 });
    onProgress({ kind: "waiting", digest: digest(0), reason: `\x1b[2J${"long ".repeat(30)}` });
    finish();
    const painted = stderr.text.replaceAll(/\x1b\[[0-9]*[AKJ]/g, "");
    expect(painted).not.toContain("\x1b");
    expect(Math.max(...painted.split("\n").map((line) => line.length))).toBeLessThan(40);
  });

  test("of many layers it says from the beginning how many there are", () => {
    vi.useFakeTimers();
    const { stderr, onProgress, finish } = view({ isTerminal: true });
    onProgress({ kind: "layers", total: 121 });
    onProgress({ kind: "layer-start", digest: digest(0), total: 5 });
    onProgress({ kind: "layer-done", digest: digest(0) });
    onProgress({ kind: "layer-start", digest: digest(1), total: 5 });
    finish();
    vi.useRealTimers();
    expect(stderr.text).toContain("1 of 121 layers are there");
  });

  test("of a hundred layers it shows as many as fit on a screen", () => {
    vi.useFakeTimers();
    const { stderr, onProgress, finish } = view({ isTerminal: true });
    for (let n = 0; n < 100; n += 1) {
      onProgress({ kind: "layer-start", digest: digest(n), total: 5 });
      if (n < 30) onProgress({ kind: "layer-done", digest: digest(n) });
    }
    stderr.text = "";
    finish();
    vi.useRealTimers();
    expect(stderr.text.split("\n").length - 1).toBe(16);
    expect(stderr.text).toContain("30 of 100 layers are there");
  });
});
