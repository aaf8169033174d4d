import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { UnpackedLayer } from "../../layer/index.ts";
import { type ImageLimits, limitHint, type UnpackLimits } from "../../layer/limits.ts";

/** Limits of an image and those of its layers that come from the same purse. */
const shares = [
  { image: "maxImageBytes", layer: "maxBytes", unit: "bytes", count: "bytes" },
  { image: "maxImageEntries", layer: "maxEntries", unit: "entries", count: "entries" },
] as const;

/**
 * What the layers of one image may take together (security case S46): a thousand layers, each just
 * below the limit of a layer, fill a disk too.
 */
export class UnpackBudget {
  readonly #limits: ImageLimits;
  readonly #used = { bytes: 0, entries: 0 };

  /**
   * @param layers of the image
   * @throws TsmanError LAYER_LIMIT when these are too many
   */
  constructor(limits: ImageLimits, layers: number) {
    this.#limits = limits;
    if (layers > limits.maxLayers) {
      throw limitError("maxLayers", limits.maxLayers, `it has ${layers} layers`);
    }
  }

  /** What the next layer may take. */
  layerLimits(): UnpackLimits {
    const { maxLayers: _, maxImageBytes, maxImageEntries, ...limits } = this.#limits;
    const { bytes, entries } = this.#used;
    return {
      ...limits,
      maxBytes: Math.min(limits.maxBytes, maxImageBytes - bytes),
      maxEntries: Math.min(limits.maxEntries, maxImageEntries - entries),
    };
  }

  /**
   * Counts an unpacked layer.
   *
   * @throws TsmanError LAYER_LIMIT when it was one too many
   */
  spend(unpacked: Pick<UnpackedLayer, "bytes" | "entries">): void {
    for (const { image, unit, count } of shares) {
      this.#used[count] += unpacked[count];
      const most = this.#limits[image];
      if (this.#used[count] > most) throw overBudget(image, most, unit);
    }
  }

  /** An error in which what was left of the budget is not taken for a limit of the layer. */
  explain(error: unknown): unknown {
    if (!isTsmanError(error, "LAYER_LIMIT")) return error;
    const { limit, value } = error.details;
    const share = shares.find(({ layer }) => layer === limit);
    if (share === undefined || value === this.#limits[share.layer]) return error;
    return overBudget(share.image, this.#limits[share.image], share.unit, error);
  }
}

function overBudget(
  name: keyof ImageLimits,
  most: number,
  unit: string,
  cause?: unknown,
): TsmanError {
  return limitError(name, most, `its layers together have more ${unit}`, cause);
}

function limitError(
  name: keyof ImageLimits,
  value: number,
  why: string,
  cause?: unknown,
): TsmanError {
  return new TsmanError("LAYER_LIMIT", `unpack image: ${why}, the limit is ${value}`, {
    hint: limitHint(name, value),
    details: { limit: name, value },
    ...(cause === undefined ? {} : { cause }),
  });
}
