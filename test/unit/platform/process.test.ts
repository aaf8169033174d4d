import { describe, expect, it } from "vitest";
import { runProgram, runProgramSync } from "../../../src/platform/process.ts";

const sh = "/bin/sh";

describe("a program", () => {
  it("gets its input and gives both outputs and its status", async () => {
    const args = ["-c", "cat; echo oops >&2; exit 3"];
    const bytes = Buffer.from([0, 255, 10]);
    const expected = { status: 3, signal: null, stdout: bytes, stderr: Buffer.from("oops\n") };
    expect(await runProgram(sh, args, { input: bytes })).toEqual(expected);
    expect(runProgramSync(sh, args, { input: bytes })).toEqual(expected);
  });

  // S95: what the caller's shell or project directory exports reaches no helper.
  it("sees none of the caller's environment unless it is given", async () => {
    process.env.TSMAN_TEST_SECRET = "token";
    try {
      const { stdout } = await runProgram("/usr/bin/env", []);
      expect(stdout.toString()).not.toContain("token");
      expect(stdout.toString()).toMatch(/^PATH=\/usr\/local\/sbin:/m);
      expect(runProgramSync("/usr/bin/env", []).stdout.toString()).not.toContain("token");
      const given = await runProgram("/usr/bin/env", [], { env: { A: "b" } });
      expect(given.stdout.toString()).toBe("A=b\n");
    } finally {
      delete process.env.TSMAN_TEST_SECRET;
    }
  });

  it("gets its arguments as they are: there is no shell in between", async () => {
    const odd = "$(id); `id` 'x' \" * \n";
    const { stdout } = await runProgram("/usr/bin/printf", ["%s", odd]);
    expect(stdout.toString()).toBe(odd);
  });

  it("that does not exist is an error with its name", async () => {
    const expected = {
      code: "PREFLIGHT_HELPER",
      message: "start /no/such/program: no such file or directory",
    };
    await expect(runProgram("/no/such/program", [])).rejects.toMatchObject(expected);
    expect(() => runProgramSync("/no/such/program", [])).toThrow(expect.objectContaining(expected));
  });

  it("that does not end in time is ended", async () => {
    const message = "run /bin/sleep: no end after 20 ms";
    await expect(runProgram("/bin/sleep", ["60"], { timeoutMs: 20 })).rejects.toThrow(message);
    expect(() => runProgramSync("/bin/sleep", ["60"], { timeoutMs: 20 })).toThrow(message);
  });

  it("that says too much is ended", async () => {
    const args = ["-c", "while :; do echo yes; done"];
    const message = "more than 1000 bytes on stdout";
    await expect(runProgram(sh, args, { maxOutput: 1000 })).rejects.toThrow(message);
    expect(() => runProgramSync(sh, args, { maxOutput: 1000 })).toThrow(message);
  });

  it("is ended when the caller is interrupted, before or after its start", async () => {
    const abort = new AbortController();
    const running = runProgram("/bin/sleep", ["60"], { signal: abort.signal });
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: "INTERRUPTED" });
    const late = runProgram("/bin/sleep", ["60"], { signal: abort.signal });
    await expect(late).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});
