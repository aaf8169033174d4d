import type { EngineContext } from "../../context.ts";
import type { ExportOptions } from "../../file-types.ts";
import { getContainer } from "../find-container.ts";
import { archiveRootfs } from "./archive-rootfs.ts";
import { reportCounts } from "./report-counts.ts";

/** Writes a container's root file system, as an archive, to a descriptor. */
export async function exportContainer(
  context: EngineContext,
  nameOrId: string,
  { descriptor, signal, onWarning }: ExportOptions,
): Promise<void> {
  const record = getContainer(context, nameOrId);
  const subject = `export container ${record.name}`;
  await archiveRootfs(context, record, { subject, descriptor, signal }, async ({ done }) => {
    reportCounts(await done, subject, onWarning);
  });
  context.events.emit({
    type: "container",
    status: "export",
    id: record.id,
    name: record.name,
    image: record.imageName,
  });
}
