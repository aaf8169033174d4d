import process from "node:process";
import { startProgram } from "./start-program.ts";

// The entry of the command line: starts dist/cli/app.cjs, the bundle of ./app.ts.

const command = process.argv[2] ?? "";
startProgram("./app.cjs", /^[a-z]{1,20}$/.test(command) ? command : "other");
