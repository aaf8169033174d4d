import { rm } from "node:fs/promises";

/** Stands for the removal within the user namespace: the tests' files are all the caller's. */
export async function removeTree(directory: string): Promise<void> {
  await rm(directory, { recursive: true });
}
