import process from "node:process";
import { startProgram } from "./start-program.ts";

// The entry of the OCI runtime: starts dist/cli/oci-app.cjs, the bundle of ./oci-app.ts.

/** Probably the verb. */
const verb = process.argv.slice(2).find((word) => /^[a-z]{2,8}$/.test(word) && word !== "json");
startProgram("./oci-app.cjs", `oci-${verb ?? "other"}`);
