import process from "node:process";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { decompress } from "../../platform/decompression.ts";
import type { ExtractRequest, InsideCounts } from "../inside-protocol.ts";
import { EntryExtraction } from "../worker/entry-extraction.ts";
import type { LayerEntry } from "../worker/layer-entry.ts";
import { OwnerPolicy } from "../worker/owner-policy.ts";
import { TarFraming } from "../worker/tar-framing.ts";
import { lookUpUser } from "./container-user.ts";
import { placeOf } from "./resolve-path.ts";
import { assertNotPseudo, type CopiedOwner, removeFile, TreeTarget } from "./tree-target.ts";

/** A copy may be as large as it likes: the caller, not a stranger, has asked for it. */
const limits = {
  maxBytes: Number.MAX_SAFE_INTEGER,
  maxEntries: Number.MAX_SAFE_INTEGER,
  maxDepth: 4096,
  maxExtensionBytes: 1024 ** 2,
  maxRatio: Number.MAX_SAFE_INTEGER,
  ratioFloor: Number.MAX_SAFE_INTEGER,
};

/** Reads an archive from standard input and puts its files where the request says. */
export async function extract(request: ExtractRequest): Promise<InsideCounts> {
  const lost = { owners: 0 };
  const ownerOf = owners(request, lost);
  const { place, isMissing, isInTheWay } = placeOf(request);
  const parent = place.slice(0, place.lastIndexOf("/")) || "/";
  const isFile = request.source === "file";
  if (isInTheWay) removeFile(place);
  assertNotPseudo(isMissing || isFile ? parent : place);
  const target = new TreeTarget({
    place,
    isSingleFile: isFile,
    overwrite: request.overwrite,
    ownerOf,
  });
  const extraction = new EntryExtraction(target, request);
  const framing = new TarFraming(limits);
  for await (const chunk of request.source === "archive" ? unpacked() : process.stdin) {
    for (const piece of framing.push(chunk as Buffer)) await extraction.write(piece);
  }
  try {
    framing.finish();
  } catch (error) {
    throw extraction.withinOpenEntry(error);
  }
  await extraction.end();
  const { entries, devices, droppedXattrs } = target.counts;
  return { entries, devices, droppedXattrs, lostOwners: lost.owners, sockets: 0, changed: 0 };
}

/** What somebody else has made, which may be compressed. */
async function* unpacked(): AsyncGenerator<Buffer> {
  const input = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const source = {
    async read(): Promise<Buffer | undefined> {
      const { done, value } = await input.next();
      return done === true ? undefined : value;
    },
  };
  const meter = { compressed: 0, unpacked: 0 };
  try {
    yield* decompress(source, limits, meter, "the archive");
  } catch (error) {
    const isForeign = isTsmanError(error) && meter.unpacked === 0;
    throw isForeign ? new TsmanError("USAGE", error.message, { hint: unpackHint }) : error;
  }
  // Nothing at all comes from a program that has failed.
  if (meter.compressed > 0) return;
  throw new TsmanError("USAGE", "there is no archive: not a single byte came");
}

const unpackHint = "give it uncompressed, or compressed with gzip or zstd";

function owners(
  { owner, uids, gids }: ExtractRequest,
  lost: { owners: number },
): ((entry: LayerEntry) => CopiedOwner) | "ours" {
  if (owner === "ours") return "ours";
  if (owner === "archive") {
    const policy = new OwnerPolicy(uids, gids);
    return (entry) => {
      const written = policy.written(entry.uid, entry.gid, entry.mode, entry.type === "directory");
      if (written.lost !== undefined) lost.owners += 1;
      return written;
    };
  }
  const ids = lookUpUser(owner.user);
  return ({ mode }) => ({ ...ids, mode });
}
