import { TsmanError } from "../../errors/index.ts";

/**
 * A symbolic link's text is the container's business, wherever it points; it must be possible.
 *
 * @throws TsmanError LAYER_INVALID
 */
export function checkLinkText(target: string): void {
  if (target === "") throw new TsmanError("LAYER_INVALID", "link target is empty");
  if (target.includes("\0")) throw new TsmanError("LAYER_INVALID", "link target holds a NUL byte");
  if (target.length > 4095) {
    throw new TsmanError("LAYER_INVALID", "link target is longer than 4095 bytes");
  }
}
