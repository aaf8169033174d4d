export { defaultUnpackLimits, type UnpackLimits } from "./limits.ts";
export { removeTree } from "./remove-tree.ts";
export { type UnpackedLayer, type UnpackLayerOptions, unpackLayer } from "./unpack-layer.ts";
