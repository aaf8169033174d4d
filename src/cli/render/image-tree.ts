import type { ImageTree, ImageTreeLayer } from "../../engine/types.ts";
import type { Output } from "../output.ts";
import { compactSize, shownId } from "./human.ts";
import { shown } from "./listing.ts";

/** An image's layers as lines, in Podman's form. */
export function imageTreeText(tree: ImageTree, output: Output): string {
  const lines = [
    `Image ID: ${shownId(tree.id, false)}`,
    `Tags:     [${tree.names.join(" ")}]`,
    `Size:     ${compactSize(tree.size)}`,
    tree.layers.length === 0 ? "No Image Layers" : "Image Layers",
    ...branches(tree.layers, ""),
  ];
  return lines.map((line) => `${shown(line, output)}\n`).join("");
}

function branches(layers: readonly ImageTreeLayer[], indent: string): string[] {
  return layers.flatMap((layer, index) => {
    const isLast = index === layers.length - 1;
    const top = layer.topOf.length === 0 ? "" : ` Top Layer of: [${layer.topOf.join(" ")}]`;
    return [
      `${indent}${isLast ? "└──" : "├──"} ID: ${shownId(layer.id, false)} ` +
        `Size: ${compactSize(layer.size)}${top}`,
      ...branches(layer.children, `${indent}${isLast ? "    " : "│   "}`),
    ];
  });
}
