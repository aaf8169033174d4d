import { isTsmanError } from "../../errors/index.ts";
import type { CommandContext } from "../command.ts";
import type { Engine } from "../engine.ts";
import { warningText } from "../render/error.ts";

/** `--rmi`: an image goes with its container, unless others were made from it. */
export async function removeImageUnlessUsed(
  engine: Engine,
  image: string,
  { stderr }: CommandContext,
): Promise<void> {
  try {
    await engine.images.remove(image);
  } catch (error) {
    if (!isTsmanError(error)) throw error;
    if (error.code !== "IMAGE_IN_USE") stderr.write(warningText(error.message, stderr.isTerminal));
  }
}
