import { describe, expect, it } from "vitest";
import { useStore } from "./support.ts";

const store = useStore();
const run = ["run", "--rm", "-it", "--network", "none", "busybox", "sh"] as const;

describe("a container's terminal, when the caller's input is none", () => {
  it("is warned about, and ends with the input", async () => {
    const { status, stderr } = await store().run(run);
    expect(stderr).toContain("standard input is no terminal");
    expect(status).toBe(0);
  });

  it.each(["echo a''b\nexit 3\n", "echo a''b\nexit 3"])("gets what it says: %j", async (input) => {
    const { status, stdout } = await store().run(run, { input });
    expect(stdout).toContain("\nab\r\n");
    expect(status).toBe(3);
  });

  it("ends for each program that reads there, and not before the input does", async () => {
    const script = "cat; echo; cat; read line; echo $?; sleep 0.1; cat; echo end";
    const { status, stdout } = await store().run([...run, "-c", script], { input: "text" });
    // What was typed before the program ran is shown by the terminal, then by cat.
    expect(stdout.replace(/^text(?=text)/, "")).toBe("text\r\n1\r\nend\r\n");
    expect(status).toBe(0);
  });
});
