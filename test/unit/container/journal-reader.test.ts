import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readJournal } from "../../../src/container/journal-reader.ts";
import type { LogOptions } from "../../../src/container/log-reader.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "journal-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const entry = (second: number, message: string, fields: object = {}): string =>
  JSON.stringify({
    ...{ __CURSOR: `c${second}`, __REALTIME_TIMESTAMP: `${1_700_000_000 + second}000000` },
    ...{ PRIORITY: "6", MESSAGE: message, ...fields },
  });

/** A journalctl that has these entries, and then, where it follows, does something. */
function journalctl(entries: readonly string[], whileFollowing = "exit 0"): string {
  const program = join(directory, "journalctl");
  writeFileSync(join(directory, "entries"), entries.map((one) => `${one}\n`).join(""));
  writeFileSync(
    program,
    `#!/bin/sh\necho "$*" >>${directory}/calls\n` +
      `case "$*" in *--follow*) ${whileFollowing} ;; *) cat ${directory}/entries ;; esac\n`,
  );
  chmodSync(program, 0o755);
  return program;
}

async function read(
  program: string,
  options: LogOptions = {},
  isOver: () => boolean = () => true,
): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const { text } of readJournal({ program, containerId: "c0ffee" }, options, isOver)) {
    texts.push(Buffer.from(text).toString());
  }
  return texts;
}

describe("readJournal", () => {
  it("asks for the container's entries, and gives those of the time that is asked for", async () => {
    const program = journalctl([entry(1, "one"), entry(2, "two"), entry(3, "three")]);
    expect(await read(program)).toEqual(["one", "two", "three"]);
    const since = new Date(1_700_000_002_000);
    const until = new Date(1_700_000_003_000);
    expect(await read(program, { since, until })).toEqual(["two"]);
    const calls = readFileSync(join(directory, "calls"), "utf8").split("\n");
    expect(calls[0]).toBe("--quiet --no-pager --all --output=json CONTAINER_ID_FULL=c0ffee");
    expect(calls[1]).toContain("--since=@1700000002");
  });

  it("counts a line in pieces once for the tail", async () => {
    const part = { CONTAINER_PARTIAL_MESSAGE: "true" };
    const program = journalctl([
      entry(1, "one"),
      entry(2, "tw", part),
      entry(3, "o"),
      entry(4, "three"),
      entry(5, "fo", part),
    ]);
    expect(await read(program, { tail: 3 })).toEqual(["tw", "o", "three", "fo"]);
    expect(await read(program, { tail: 1 })).toEqual(["fo"]);
    expect(await read(program, { tail: 0 })).toEqual([]);
  });

  it("follows from where it is until the container is over and silent", async () => {
    const program = journalctl(
      [entry(1, "one")],
      `printf '%s\\n' '${entry(2, "two")}'; exec sleep 1000`,
    );
    expect(await read(program, { follow: true })).toEqual(["one", "two"]);
    expect(readFileSync(join(directory, "calls"), "utf8")).toContain(
      "--follow --no-tail --after-cursor=c1 CONTAINER_ID_FULL=c0ffee",
    );
  });

  it("ends its following when it is told to", async () => {
    const program = journalctl([entry(1, "one")], "exec sleep 1000");
    const abort = new AbortController();
    const reading = read(program, { follow: true, signal: abort.signal }, () => {
      abort.abort(new Error("enough"));
      return false;
    });
    await expect(reading).rejects.toThrow("enough");
  });

  it("says what journalctl says when that fails", async () => {
    const program = join(directory, "failing");
    writeFileSync(program, "#!/bin/sh\necho 'No journal files were opened' >&2; exit 1\n");
    chmodSync(program, 0o755);
    await expect(read(program)).rejects.toMatchObject({
      code: "LOG_UNAVAILABLE",
      message: "read systemd's journal: No journal files were opened",
    });
    await expect(read(join(directory, "none"))).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
  });
});
