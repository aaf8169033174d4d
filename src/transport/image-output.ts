/** Where the files of a layout or archive are written. */
export interface ImageOutput extends AsyncDisposable {
  /** As messages name it. */
  readonly name: string;
  /** Bytes of a file that was written, here or earlier; undefined: it has to be written. */
  size(file: string): number | undefined;
  /**
   * Writes a file; several at once are allowed, in a stream they wait for each other.
   *
   * @throws TsmanError when it is not of this size
   */
  write(file: string, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** Writes a file whose size and name turn out in the end; missing name: it is not wanted. */
  writeUnsized(bytes: AsyncIterable<Uint8Array>, nameOf: () => string | undefined): Promise<void>;
  /** Writes a small file; one of this name is replaced. */
  put(file: string, bytes: Uint8Array): Promise<void>;
  /**
   * Writes the file that names all others, and gives the whole its final name.  Without that,
   * nothing of it remains.
   */
  commit(file: string, bytes: Uint8Array): Promise<void>;
}
