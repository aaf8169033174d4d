import type { InsideCounts, LayerRequest } from "../inside-protocol.ts";
import { type ChangeSink, tellChanges } from "./container-changes.ts";
import { TarOutput } from "./tar-output.ts";
import { TreeArchive } from "./tree-archive.ts";

const whiteoutPrefix = ".wh.";
const opaqueMark = ".wh..wh..opq";

/**
 * Compares a container's own files, or an image's, with those below or beside them: as a list of changes – `A`, `C` or
 * `D`, the path and a NUL each – or as the layer that makes the one of the other
 * (image-spec/layer.md, "Representing Changes").
 */
export function writeLayer(request: LayerRequest): InsideCounts {
  const output = new TarOutput(1);
  const archive = new TreeArchive(output, request);
  const reserved = { names: 0 };
  const pathOf = (directory: number): string => `/${directory}`;
  const sink = request.op === "diff" ? listSink(output) : layerSink(archive, reserved);
  tellChanges(
    {
      own: request.own.map(pathOf),
      kind: request.kind,
      layers: request.layers.map(pathOf),
      stubs: new Set(request.stubs),
      hasLowerStubs: request.hasLowerStubs,
    },
    sink,
  );
  if (request.op === "layer") archive.end();
  else output.flush();
  const { entries, sockets, changed } = archive.counts;
  return {
    entries,
    sockets,
    changed,
    devices: reserved.names,
    droppedXattrs: 0,
    lostOwners: 0,
  };
}

function listSink(output: TarOutput): ChangeSink {
  const line = (kind: string, name: string): void =>
    output.write(Buffer.from(`${kind}${name}\0`, "latin1"));
  return {
    changed: (name, _path, _status, isNew) => line(isNew ? "A" : "C", name),
    deleted: (name) => line("D", name),
    // The image's files in it are told one by one.
    emptied: () => undefined,
  };
}

function layerSink(archive: TreeArchive, reserved: { names: number }): ChangeSink {
  // In a layer the names of whiteouts mean a removal: files that are called so cannot be in it.
  const isReserved = (name: string): boolean => {
    const isOne = name.includes(`/${whiteoutPrefix}`);
    if (isOne) reserved.names += 1;
    return isOne;
  };
  const emptied = new Set<string>();
  return {
    changed(name, path, status) {
      if (isReserved(name)) return;
      const inLayer = name.slice(1);
      if (status.isDirectory()) archive.addDirectory(path, inLayer, status);
      else archive.addFile(path, inLayer, status);
    },
    deleted(name) {
      const slash = name.lastIndexOf("/");
      if (isReserved(name) || emptied.has(name.slice(0, slash))) return;
      archive.addMark(`${name.slice(1, slash + 1)}${whiteoutPrefix}${name.slice(slash + 1)}`);
    },
    emptied(name) {
      if (isReserved(name)) return;
      emptied.add(name);
      archive.addMark(`${name.slice(1)}/${opaqueMark}`);
    },
  };
}
