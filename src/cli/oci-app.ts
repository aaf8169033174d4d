import process from "node:process";
import { callerEnvironment } from "../config/environment.ts";
import { currentDirectory } from "./current-directory.ts";
import { dispatchOci } from "./oci/dispatch.ts";
import { descriptorOutput } from "./output.ts";
import { keepOwnFiles } from "./own-umask.ts";

// tsman-oci as a process: its arguments, descriptors and end.

// Bun starts here.
keepOwnFiles();

// Unheard, SIGUSR1 opens Node's debugger on a port of loopback.
process.on("SIGUSR1", () => {});

void dispatchOci({
  argv: process.argv.slice(2).map((argument) => argument.replace(/^%/, "")),
  stdout: descriptorOutput(1),
  stderr: descriptorOutput(2),
  cwd: currentDirectory(),
  environment: callerEnvironment(),
}).then((status) => process.exit(status));
