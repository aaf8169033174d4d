import type { ImageSource } from "../oci/transfer.ts";

/** One of the images of a layout or archive. */
export interface ArchivedImage {
  /** What names it there: whole references or other texts; from outside. */
  readonly names: readonly string[];
  /** Opens it; disposing it leaves the files open for the others. */
  readonly open: () => Promise<ImageSource>;
}
