import { TocScanner } from "./toc-scanner.ts";

/** A piece of an archive, in order. */
export type SplitPiece =
  /** Headers and padding: base64 text, where it stands in the document. */
  | { readonly kind: "text"; readonly start: number; readonly end: number }
  /** The content of a file. */
  | { readonly kind: "file"; readonly size: number };

const names = ["type", "size", "payload"].map((name) => Buffer.from(name));
/** vbatts/tar-split, tar/storage/entry.go */
const types = { file: 1, segment: 2 } as const;

/**
 * Reads what an archive consists of besides the contents of its files: JSON documents, one after
 * the other.  As with a table of contents, these are hints.
 *
 * @throws SyntaxError for what is no such list
 */
export function parseTarSplit(bytes: Buffer): readonly SplitPiece[] {
  const scanner = new TocScanner(bytes);
  const pieces: SplitPiece[] = [];
  while (scanner.hasMore) {
    let type = 0;
    let size = 0;
    let text: ReturnType<TocScanner["textOrNothing"]>;
    scanner.object((name) => {
      if (name === "type") type = scanner.count();
      else if (name === "size") size = scanner.count();
      else if (name === "payload") text = scanner.textOrNothing();
      else return false;
      return true;
    }, names);
    if (type === types.file) {
      if (size > 0) pieces.push({ kind: "file", size });
    } else if (type === types.segment && text !== undefined && !text.hasEscapes) {
      pieces.push({ kind: "text", start: text.start, end: text.end });
    } else throw new SyntaxError("not a list of an archive's headers");
  }
  return pieces;
}
