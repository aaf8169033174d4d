import { createHash, type Hash } from "node:crypto";
import type { DigestRequest, InsideCounts } from "../inside-protocol.ts";
import { TarOutput } from "./tar-output.ts";
import { findStatus, TreeArchive } from "./tree-archive.ts";

/** Writes, for each directory, the digest of the archive that it would make, or `-`; a line each. */
export function digestTrees(request: DigestRequest): InsideCounts {
  const output = new TarOutput(1);
  let entries = 0;
  for (const tree of request.trees) {
    const sink = new HashSink();
    const archive = new TreeArchive(sink, request);
    if (findStatus(tree)?.isDirectory() === true) archive.add(tree, "", true);
    entries += archive.counts.entries;
    output.write(Buffer.from(archive.counts.entries > 0 ? `${sink.end()}\n` : "-\n"));
  }
  output.flush();
  return { entries, sockets: 0, changed: 0, devices: 0, droppedXattrs: 0, lostOwners: 0 };
}

/** Takes an archive, and keeps its digest. */
class HashSink {
  readonly #hash: Hash = createHash("sha256");

  write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  flush(): void {
    // Nothing is held back.
  }

  end(): string {
    return this.#hash.digest("hex");
  }
}
