import { execFileSync, spawn } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startWaiting } from "../../../src/runtime/start-client.ts";

let runDir: string;
const open: number[] = [];

beforeEach(() => {
  runDir = mkdtempSync(path.join(tmpdir(), "tsman-start-"));
  execFileSync("mkfifo", [path.join(runDir, "start"), path.join(runDir, "started")]);
});

afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
  rmSync(runDir, { recursive: true, force: true });
});

/** Somebody who has an end of a pipe of init's, and keeps it. */
function keep(name: string): void {
  open.push(openSync(path.join(runDir, name), constants.O_RDWR | constants.O_NONBLOCK));
}

/** An init that waits, says READY (type 17, no payload), perhaps more, and ends. */
async function beInit(more = ":"): Promise<() => boolean> {
  const script =
    "exec 3<>start 4<>started; echo; head -c1 <&3 >/dev/null; " +
    `printf '\\021\\0\\0\\0\\0\\0\\0\\0' >&4; ${more}`;
  const init = spawn("sh", ["-c", script], { cwd: runDir, stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => {
    init.stdout.once("data", resolve);
  });
  return () => init.exitCode !== null;
}

const start = async (isOver: () => boolean, hasExecuted = () => false) =>
  await startWaiting({
    runDir,
    findStep: () => undefined,
    onWarning: () => {},
    isOver,
    hasExecuted,
  });

describe("the start of a container that waits", () => {
  it("ends with what init says", async () => {
    await start(await beInit());
  });

  it("ends with init, also where somebody keeps its pipes", async () => {
    keep("started");
    await start(await beInit());
  });

  it("ends with init, also when its directory is gone", async () => {
    keep("started");
    const hasEnded = await beInit();
    const isOver = () => {
      rmSync(runDir, { recursive: true, force: true });
      return hasEnded();
    };
    await start(isOver);
  });

  it("is refused where nobody waits, and where nobody answers", async () => {
    await expect(start(() => true)).rejects.toMatchObject({ code: "CONTAINER_NOT_RUNNING" });
    keep("start");
    await expect(start(() => true)).rejects.toMatchObject({ code: "CONTAINER_NOT_RUNNING" });
    keep("started");
    await expect(start(() => true)).rejects.toMatchObject({ code: "CONTAINER_NOT_RUNNING" });
  });

  it("is none that failed where the program runs, whoever has read what init says", async () => {
    keep("start");
    keep("started");
    await start(
      () => true,
      () => true,
    );
  });

  it("passes on a hundred warnings, however many there are", async () => {
    // WARNING (type 22): "no".
    const flood = "for i in $(seq 500); do printf '\\026\\0\\0\\0\\3\\0\\0\\0no\\0' >&4; done";
    const warnings: string[] = [];
    const isOver = await beInit(flood);
    const onWarning = (text: string) => warnings.push(text);
    const hasExecuted = () => true;
    await startWaiting({ runDir, findStep: () => undefined, onWarning, isOver, hasExecuted });
    expect(warnings).toHaveLength(100);
    expect(warnings.slice(-2)).toEqual(["no", "there are more warnings"]);
  });

  it("is one at a time", async () => {
    keep("started");
    const isOver = await beInit();
    const results = await Promise.allSettled([start(isOver), start(isOver)]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });
});
