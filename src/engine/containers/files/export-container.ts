import { startInside } from "../../../layer/inside-worker.ts";
import type { EngineContext } from "../../context.ts";
import type { ExportOptions } from "../../file-types.ts";
import { getContainer } from "../find-container.ts";
import { withRootfs } from "./container-view.ts";
import { reportCounts } from "./report-counts.ts";

/** Writes a container's root file system, as an archive, to a descriptor. */
export async function exportContainer(
  context: EngineContext,
  nameOrId: string,
  { descriptor, signal, onWarning }: ExportOptions,
): Promise<void> {
  const record = getContainer(context, nameOrId);
  const subject = `export container ${record.name}`;
  await withRootfs(context, record, async ({ place, close }) => {
    const worker = startInside({
      place,
      task: {
        op: "archive",
        source: "/",
        mustBeDirectory: true,
        name: "",
        fileName: "",
        isSingleId: record.mapping.single,
      },
      context: subject,
      stdout: descriptor,
      signal,
    });
    close();
    reportCounts(await worker.done, subject, onWarning);
  });
  context.events.emit({
    type: "container",
    status: "export",
    id: record.id,
    name: record.name,
    image: record.imageName,
  });
}
