import os from "node:os";
import { TsmanError } from "../../errors/index.ts";
import { findSessionReport } from "../session/hand-over.ts";
import type { OciVerbContext } from "./verb.ts";

/**
 * What a native session of `run` has come back for (native/session.h); what it has left goes first.
 *
 * @returns the exit status; undefined when the container is to be run (again) here, which tells why
 * it fails.
 * @throws TsmanError EXIT_STATUS_UNKNOWN
 */
export async function earlierSession({
  environment,
  args,
  oci,
}: OciVerbContext): Promise<number | undefined> {
  const [id = ""] = args.positionals;
  const found = findSessionReport(environment);
  if (found?.id !== id) return undefined;
  const { deleteOciContainer } = await import("../../engine/oci/end-oci-container.ts");
  await deleteOciContainer(oci(), id, true);
  if (found.why === "failed") return undefined;
  if (found.signal !== undefined) return 128 + os.constants.signals[found.signal];
  throw new TsmanError(
    "EXIT_STATUS_UNKNOWN",
    `wait for container ${id}: its monitor ended without saying how the program did`,
    { hint: "somebody killed the monitor; the container was ended with it" },
  );
}
