import { type Extract, type ExtractEvents, extract, type Header } from "tar-stream";
import { TsmanError } from "../../errors/index.ts";
import { isErrno, toFileError } from "../../platform/errno.ts";
import { type ContentLayout, layoutRecord, parseLayout } from "./content-layout.ts";
import { displayName } from "./entry-name.ts";
import { type LayerEntry, readLayerEntry, withinEntry } from "./layer-entry.ts";
import { SparseContent } from "./sparse-content.ts";

/** The body of an entry; tar-stream's stream class has more. */
type EntryBody = ExtractEvents["entry"][1];

/** Names become byte strings (entry-name.ts); TarFraming does the same for PAX records. */
const extractOptions = {
  highWaterMark: 1,
  filenameEncoding: "latin1",
  allowUnknownFormat: true,
};

/** A file that is being written. */
export interface OpenFile {
  readonly fd: number;
  readonly path: string;
}

/** Runs `work` for the entry of that name, so that what goes wrong is told of it. */
export type WithinEntry = (name: string, work: () => void) => void;

/** What entries become. */
export interface EntryTarget {
  /** Makes what the entry stands for; a file stays open for its content. */
  put(entry: LayerEntry): OpenFile | undefined;
  /** The file's content is complete: closes it. */
  complete(entry: LayerEntry, file: OpenFile): void;
  /** Writes what had to wait for the end of the archive. */
  finish(within: WithinEntry): void;
}

/**
 * Turns an uncompressed archive into files, with tar-stream as the reader.
 *
 * Everything is done synchronously, entry by entry, in the order of the archive: the system calls
 * are short, and a promise for each would cost more than they do.
 */
export class EntryExtraction {
  readonly #target: EntryTarget;
  readonly #hasLayouts: boolean;
  readonly #extract: Extract;
  #failure: Error | undefined;
  /** Of the entry whose body is being read. */
  #open: Header | undefined;
  #wake: (() => void) | undefined;

  /** @param options whether entries may say where holes are (content-layout.ts): not a layer's. */
  constructor(target: EntryTarget, options?: { readonly hasLayouts: boolean }) {
    this.#target = target;
    this.#hasLayouts = options?.hasLayouts ?? false;
    this.#extract = extract(extractOptions);
    this.#extract.on("entry", (header, body, next) => this.#onEntry(header, body, next));
    this.#extract.on("error", (error: Error) => this.#fail(error));
    this.#extract.on("drain", () => this.#wakeUp());
    this.#extract.on("close", () => this.#wakeUp());
  }

  /**
   * Takes the next bytes of the archive; settles when they are consumed.
   *
   * @throws TsmanError that names the entry
   */
  async write(bytes: Buffer): Promise<void> {
    this.#check();
    if (!this.#extract.write(bytes)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#check();
  }

  /**
   * What ended the archive, told of the entry in whose body that happened.
   *
   * @param error of the framing, which does not know names.
   */
  withinOpenEntry(error: unknown): unknown {
    if (this.#open === undefined) return error;
    return withinEntry(toEntryError(error), this.#open.name);
  }

  /**
   * Says that the archive is complete and writes what had to wait for that.
   *
   * @throws TsmanError that names the entry
   */
  async end(): Promise<void> {
    this.#check();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#extract.end(undefined);
    });
    this.#check();
    this.#target.finish((name, work) => {
      try {
        work();
      } catch (error) {
        throw withinEntry(toEntryError(error), name);
      }
    });
  }

  #onEntry(header: Header, body: EntryBody, next: () => void): void {
    try {
      const entry = readLayerEntry(header);
      const layout = this.#hasLayouts ? readLayout(header) : undefined;
      const file = this.#target.put(entry);
      const content = file === undefined ? undefined : new SparseContent(file.fd, layout);
      // tar-stream waits for the end of a body even if nobody wants it, but not if it is empty.
      if (entry.size === 0 || entry.type === "directory") {
        content?.finish();
        this.#close(entry, file);
        // Not at once: tar-stream would go on inside this call, one level deeper for each entry.
        queueMicrotask(next);
        return;
      }
      this.#open = header;
      body.on("error", () => undefined);
      body.on("end", () => {
        this.#open = undefined;
      });
      const finish = (): void => {
        content?.finish();
        this.#close(entry, file);
      };
      body.on("end", () => this.#guard(header, finish, next));
      if (content === undefined) body.resume();
      else body.on("data", (chunk) => this.#guard(header, () => content.write(chunk as Buffer)));
    } catch (error) {
      this.#failEntry(header, error);
    }
  }

  #close(entry: LayerEntry, file: OpenFile | undefined): void {
    if (file !== undefined) this.#target.complete(entry, file);
  }

  #guard(header: Header, work: () => void, next?: () => void): void {
    if (this.#failure !== undefined) return;
    try {
      work();
    } catch (error) {
      this.#failEntry(header, error);
      return;
    }
    next?.();
  }

  #failEntry(header: Header, error: unknown): void {
    this.#fail(withinEntry(toEntryError(error), header.name));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#extract.destroy(null);
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #check(): void {
    const failure = this.#failure;
    if (failure === undefined) return;
    if (failure instanceof TsmanError) throw failure;
    throw new TsmanError("LAYER_INVALID", `read the archive: ${failure.message}`, {
      cause: failure,
    });
  }
}

function readLayout({ pax, size }: Header): ContentLayout | undefined {
  const records = pax as Readonly<Record<string, string>> | null | undefined;
  const text = records?.[layoutRecord];
  return text === undefined ? undefined : parseLayout(text, size);
}

/** What an entry ran into: errors of the archive as such, errors of this host with their remedy. */
function toEntryError(error: unknown): TsmanError {
  if (error instanceof TsmanError) return error;
  if (!isErrno(error)) return toFileError(error, "unpack it");
  const operation = error.syscall ?? "unpack it";
  if (!isErrno(error, "ENAMETOOLONG", "ELOOP", "ENOENT", "ENOTDIR", "EISDIR", "EMLINK")) {
    return toFileError(error, operation);
  }
  return new TsmanError("LAYER_INVALID", `${operation}: ${displayName(error.code)}`, {
    cause: error,
  });
}
