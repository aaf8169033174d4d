import path from "node:path";
import { finished } from "node:stream/promises";
import { readBundleDocument } from "../../../container/bundle-document.ts";
import { TsmanError } from "../../../errors/index.ts";
import type { InsideWorker } from "../../../layer/inside-worker.ts";
import { startInside } from "../../../layer/inside-worker.ts";
import type { IdRange } from "../../../layer/worker-protocol.ts";
import type { IdMapEntry } from "../../../platform/userns.ts";
import type { IdMapping } from "../../../rootless/id-mapping.ts";
import type { ContainerRecord } from "../../../store/containers.ts";
import { type EngineContext, mappingFor } from "../../context.ts";
import type { CopyEnd, CopyOptions } from "../../file-types.ts";
import { configFileName, containerState, getContainer, isUp } from "../find-container.ts";
import { type OpenView, withContainerFiles, withRootfs } from "./container-view.ts";
import {
  findIdleMount,
  openHostDestination,
  openHostSource,
  openIdleMount,
  readWrittenPath,
  type WrittenPath,
} from "./copy-ends.ts";
import { reportCounts } from "./report-counts.ts";

/** Something opened at one end of a copy. */
interface Opened {
  readonly view: OpenView;
  /** Absolute, in there. */
  readonly inner: string;
  readonly mapping: IdMapping;
}

type WithOpened<T> = (opened: Opened) => Promise<T>;

/**
 * Copies files between a container and this host, or another container, or an archive.  Each end is
 * a process of its own that has changed its root to the directory in question; between them go
 * archives.
 */
export async function copyFiles(
  context: EngineContext,
  from: CopyEnd,
  to: CopyEnd,
  options: CopyOptions = {},
): Promise<void> {
  if (from.kind !== "container" && to.kind !== "container") {
    throw new TsmanError("USAGE", "copy files: neither end is in a container", {
      hint: "write one of them as CONTAINER:PATH",
    });
  }
  const copy = new Copy(context, options);
  if (from.kind === "archive") await copy.extract(from.descriptor, to);
  else await copy.copy(from, to);
}

class Copy {
  readonly #context: EngineContext;
  readonly #options: CopyOptions;

  constructor(context: EngineContext, options: CopyOptions) {
    this.#context = context;
    this.#options = options;
  }

  async copy(from: Exclude<CopyEnd, { kind: "archive" }>, to: CopyEnd): Promise<void> {
    const source = this.#end(from);
    const context = `copy ${source.shown}`;
    const { signal, onWarning } = this.#options;
    await source.read(async ({ view, inner, mapping }) => {
      const { name, mustBeDirectory } = source.written;
      const reader = startInside({
        place: view.place,
        task: {
          op: "archive",
          source: inner,
          mustBeDirectory,
          name: to.kind === "archive" ? name : "",
          fileName: name,
          isSingleId: mapping.single,
          writesLayouts: to.kind !== "archive",
        },
        context,
        stdout: to.kind === "archive" ? to.descriptor : undefined,
        signal,
      });
      if (to.kind !== "archive") await this.#write(reader, name, to);
      reportCounts(await reader.done, context, onWarning);
    });
  }

  /** Puts an archive's files into a directory of a container. */
  async extract(descriptor: number, to: CopyEnd): Promise<void> {
    if (to.kind !== "container") throw new TsmanError("INTERNAL", "copy an archive to this host");
    const destination = this.#end(to);
    await destination.write(async (opened) => {
      const writer = this.#writer(opened, destination, "archive", "", descriptor);
      reportCounts(await writer.done, `copy to ${destination.shown}`, this.#options.onWarning);
    });
  }

  async #write(
    reader: InsideWorker,
    name: string,
    to: Exclude<CopyEnd, { kind: "archive" }>,
  ): Promise<void> {
    try {
      const destination = this.#end(to);
      await destination.write(async (opened) => {
        const type = await reader.source;
        const writer = this.#writer(opened, destination, type, name, undefined);
        await connect(reader, writer);
        const subject = `copy to ${destination.shown}`;
        reportCounts(await writer.done, subject, this.#options.onWarning);
      });
    } catch (error) {
      reader.cancel();
      await reader.done.catch(() => undefined);
      throw error;
    }
  }

  #writer(
    { view, inner, mapping }: Opened,
    { written, shown: end, record }: End,
    source: "file" | "directory" | "archive",
    name: string,
    stdin: number | undefined,
  ): InsideWorker {
    const { archive = true, overwrite = false, signal } = this.#options;
    const owner =
      record === undefined ? "ours" : archive ? { user: userOf(this.#context, record) } : "archive";
    return startInside({
      place: view.place,
      task: {
        op: "extract",
        destination: inner,
        mustBeDirectory: written.mustBeDirectory,
        source,
        hasLayouts: source !== "archive",
        name,
        overwrite,
        owner,
        uids: mapping.uid.map(insideRange),
        gids: mapping.gid.map(insideRange),
      },
      context: `copy to ${end}`,
      stdin,
      signal,
    });
  }

  #end(end: Exclude<CopyEnd, { kind: "archive" }>): End {
    return end.kind === "host" ? this.#hostEnd(end.path) : this.#containerEnd(end);
  }

  #hostEnd(bytes: Uint8Array): End {
    const context = this.#context;
    const written = readWrittenPath(bytes, ".");
    const mapping = mappingFor(context, { mode: "default" });
    const using = async <T>(
      { view, inner }: Pick<Opened, "view" | "inner">,
      work: WithOpened<T>,
    ) => {
      try {
        return await work({ view, inner, mapping });
      } finally {
        view.close();
      }
    };
    return {
      written,
      shown: written.shown,
      record: undefined,
      read: async (work) => await using(openHostSource(context, written), work),
      write: async (work) => await using(openHostDestination(context, written), work),
    };
  }

  #containerEnd({ container, path: bytes }: Extract<CopyEnd, { kind: "container" }>): End {
    const context = this.#context;
    const record = getContainer(context, container);
    const { mapping } = record;
    const written = readWrittenPath(bytes, workdirOf(context, record));
    const name = `${record.name}:${written.shown}`;
    const opened = (work: WithOpened<void>) => async (view: OpenView) =>
      await work({ view, inner: written.path, mapping });
    const inMount = async (work: WithOpened<void>, isWrite: boolean): Promise<boolean> => {
      if (isUp(containerState(context, record))) return false;
      const mount = findIdleMount(context, record, written.path);
      if (mount === undefined) return false;
      if (isWrite && mount.readOnly) {
        throw new TsmanError("USAGE", `copy to ${name}: it is mounted read-only there`);
      }
      const view = openIdleMount(mount, mapping);
      try {
        await work({ view, inner: mount.inner, mapping });
      } finally {
        view.close();
      }
      return true;
    };
    return {
      written,
      shown: name,
      record,
      read: async (work) => {
        if (await inMount(work, false)) return;
        if (isUp(containerState(context, record))) {
          await withContainerFiles(context, record, this.#options.signal, opened(work));
        } else await withRootfs(context, record, opened(work));
      },
      write: async (work) => {
        if (await inMount(work, true)) return;
        await withContainerFiles(context, record, this.#options.signal, opened(work));
      },
    };
  }
}

interface End {
  readonly written: WrittenPath;
  /** For messages. */
  readonly shown: string;
  /** Undefined on this host. */
  readonly record: ContainerRecord | undefined;
  read(work: WithOpened<void>): Promise<void>;
  write(work: WithOpened<void>): Promise<void>;
}

/**
 * Lets bytes flow; the writer learns of the archive's end only when the reader has done all, so
 * that it never takes a half of one for damaged.
 */
async function connect(reader: InsideWorker, writer: InsideWorker): Promise<void> {
  const { output } = reader;
  const { input } = writer;
  if (output === undefined || input === undefined) return;
  output.pipe(input, { end: false });
  const read = reader.done.then(
    async () => {
      // What the worker has written may still be on its way here.
      await finished(output, { writable: false });
      input.end();
    },
    (error: unknown) => {
      writer.cancel();
      throw error;
    },
  );
  const written = writer.done.then(
    () => undefined,
    (error: unknown) => {
      reader.cancel();
      output.destroy();
      throw error;
    },
  );
  try {
    // The first failure is the reason for the other one.
    await Promise.all([read, written]);
  } finally {
    await Promise.allSettled([read, written]);
  }
}

/** Relative paths of a container are relative to where its program starts, as in Podman. */
function workdirOf(context: EngineContext, record: ContainerRecord): string {
  const workdir = documentOf(context, record)?.process.cwd ?? record.options.workdir ?? "/";
  return Buffer.from(workdir).toString("latin1");
}

function userOf(context: EngineContext, record: ContainerRecord): string {
  return documentOf(context, record)?.process.user.username ?? record.options.user ?? "";
}

function documentOf(context: EngineContext, record: ContainerRecord) {
  return readBundleDocument(path.join(context.store.containers.dir(record.id), configFileName));
}

function insideRange({ inside, count }: IdMapEntry): IdRange {
  return { first: inside, count };
}
