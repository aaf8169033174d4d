import { TsmanError } from "../../errors/index.ts";
import type { ArchiveRequest, InsideAnswer, InsideCounts } from "../inside-protocol.ts";
import { resolvePath } from "./resolve-path.ts";
import { TarOutput } from "./tar-output.ts";
import { TreeArchive } from "./tree-archive.ts";
import { assertNotPseudo } from "./tree-target.ts";

/**
 * Writes what the request names to standard output, as an archive; says what it is before.
 *
 * @throws TsmanError USAGE when it is not there
 */
export function archive(
  request: ArchiveRequest,
  say: (answer: InsideAnswer) => void,
): InsideCounts {
  const found = resolvePath(request.source);
  if (found === undefined) throw new TsmanError("USAGE", "no such file or directory");
  const isDirectory = found.status.isDirectory();
  if (!isDirectory && request.mustBeDirectory) {
    throw new TsmanError("USAGE", "it is no directory");
  }
  assertNotPseudo(found.path);
  say({ kind: "source", type: isDirectory ? "directory" : "file" });
  const tree = new TreeArchive(new TarOutput(1), request);
  const name = isDirectory ? request.name : request.name || request.fileName;
  tree.add(found.path, name, isDirectory);
  tree.end();
  const { entries, sockets, changed } = tree.counts;
  return { entries, sockets, changed, devices: 0, droppedXattrs: 0, lostOwners: 0 };
}
