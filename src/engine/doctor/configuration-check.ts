import { isTsmanError } from "../../errors/index.ts";
import { readFirstPolicy } from "../../trust/policy.ts";
import type { EngineContext } from "../context.ts";
import { configurationFiles } from "../explain-settings.ts";
import { policyFiles } from "../images/assert-admitted.ts";
import { broken, type DoctorCheck, ok } from "./report.ts";

/** Reads what a pull would read: files of the configuration, and the policy with its keys. */
export async function checkConfiguration(context: EngineContext): Promise<DoctorCheck> {
  const title = "configuration";
  try {
    await context.settings();
    const policy = readFirstPolicy(policyFiles(context));
    const files = [...configurationFiles(context).read, ...(policy ? [policy.file] : [])];
    return ok("configuration", title, files.length === 0 ? "none is needed" : files.join(", "));
  } catch (error) {
    if (!isTsmanError(error)) throw error;
    const remedy = error.hint ?? "correct the file";
    const consequence = "no image can be pulled";
    return broken("configuration", title, { found: error.message, remedy, consequence }, false);
  }
}
