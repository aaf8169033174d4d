import os from "node:os";
import { TsmanError } from "../../errors/index.ts";
import { sessionVariable } from "../session/hand-over.ts";
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
  const [why, which] = (environment[sessionVariable] ?? "").split(" ");
  if (which === undefined || which !== id) return undefined;
  const { deleteOciContainer } = await import("../../engine/oci/end-oci-container.ts");
  await deleteOciContainer(oci(), id, true);
  if (why === "failed") return undefined;
  const signal = /^interrupted-(SIG[A-Z]+)$/.exec(why ?? "")?.[1];
  const number = (os.constants.signals as Readonly<Record<string, number>>)[signal ?? ""];
  if (number !== undefined) return 128 + number;
  throw new TsmanError(
    "EXIT_STATUS_UNKNOWN",
    `wait for container ${id}: its monitor ended without saying how the program did`,
    { hint: "somebody killed the monitor; the container was ended with it" },
  );
}
