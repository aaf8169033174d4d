import { type InsideWorker, startInside } from "../../../layer/inside-worker.ts";
import type { ContainerRecord } from "../../../store/containers.ts";
import type { EngineContext } from "../../context.ts";
import { withRootfs } from "./container-view.ts";

/** Where the archive of {@link archiveRootfs} goes, and what it is for. */
export interface ArchiveRequest {
  /** For messages: `export container web`. */
  readonly subject: string;
  /** A descriptor of the caller's; missing: the worker's `output`. */
  readonly descriptor?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Has a worker archive a container's root file system: without volumes and other mounts. */
export async function archiveRootfs<T>(
  context: EngineContext,
  record: ContainerRecord,
  { subject, descriptor, signal }: ArchiveRequest,
  use: (worker: InsideWorker) => Promise<T>,
): Promise<T> {
  return await withRootfs(context, record, async ({ place, close }) => {
    const worker = startInside({
      place,
      task: {
        op: "archive",
        source: "/",
        mustBeDirectory: true,
        name: "",
        fileName: "",
        isSingleId: record.mapping.single,
        writesLayouts: false,
      },
      context: subject,
      stdout: descriptor,
      signal,
    });
    close();
    return await use(worker);
  });
}
