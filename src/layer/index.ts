export { inheritRoot } from "./inherit-root.ts";
export { defaultUnpackLimits, type UnpackLimits } from "./limits.ts";
export { removeTree } from "./remove-tree.ts";
export { type UnpackLayerOptions, unpackLayer } from "./unpack-layer.ts";
export { type UnpackOptions, UnpackWorker } from "./unpack-worker.ts";
export type { UnpackedLayer } from "./unpacked-layer.ts";
