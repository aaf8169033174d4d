import { setTimeout as delay } from "node:timers/promises";
import type { Session } from "./session.ts";
import type { HttpResponse } from "./transport.ts";

/** Milliseconds that are spent on telling a registry that an upload was given up. */
const cancellationMs = 2_000;

/** A range of what an upload has, from 0; distribution-spec, "Pushing a blob in chunks". */
const uploadRange = /^(?:bytes=)?0-(\d{1,15})$/;

/** Tells the registry that nothing more comes; a failure to do so is no news. */
export async function cancelUpload(session: Session, location: URL): Promise<void> {
  const cancelled = session
    .request({
      method: "DELETE",
      path: location,
      expect: [204, 200, 202, 404],
      what: "cancel an upload",
      signal: AbortSignal.timeout(cancellationMs),
    })
    .then((response) => response.discard())
    .catch(() => undefined);
  await Promise.race([cancelled, delay(cancellationMs, undefined, { ref: false })]);
}

/** How many bytes an upload has; undefined if the registry does not say, or says "none" like "one". */
export function confirmedBytes(response: HttpResponse): number | undefined {
  const last = uploadRange.exec(response.header("range") ?? "")?.[1];
  return last === undefined || last === "0" ? undefined : Number(last) + 1;
}
