import type { ChainId, DiffId } from "./digest.ts";
import { sha256Digest } from "./digest.ts";

/**
 * The chainID of every layer of a stack, lowest first:
 * `chain(0) = diff(0)`, `chain(n) = sha256(chain(n-1) + " " + diff(n))`;
 * image-spec/config.md, "Layer ChainID".
 */
export function chainIds(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  let below: ChainId | undefined;
  for (const diffId of diffIds) {
    const own: string = below === undefined ? diffId : sha256Digest(`${below} ${diffId}`);
    below = own as ChainId;
    chain.push(below);
  }
  return chain;
}
