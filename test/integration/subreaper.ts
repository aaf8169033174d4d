import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import process from "node:process";
import koffi from "koffi";

// Usage: node subreaper.ts PROGRAM ARG …
//
// Does what conmon and containerd's shim do: runs a program, usually an OCI runtime, as the
// subreaper of all that it starts.  At the program's end it prints the process ids of the children
// that it has now (JSON), zombies among them, and ends with the program's status.

const setChildSubreaper = 36;

const prctl = koffi.load("libc.so.6").func("int prctl(int option, unsigned long value)");
if (prctl(setChildSubreaper, 1) !== 0) throw new Error("prctl(PR_SET_CHILD_SUBREAPER) failed");

const [program = "", ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: "inherit" });
const [status] = await once(child, "exit");
// A thread's children are listed with it; Node's first one makes them all.
const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8");
process.stdout.write(`${JSON.stringify(children.trim().split(" ").filter(Boolean).map(Number))}\n`);
process.exitCode = status ?? 1;
