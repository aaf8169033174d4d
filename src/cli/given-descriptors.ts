import { usageError } from "./usage-error.ts";

/** Where the launchers say which descriptors they were given; by now this process has opened its own. */
const variable = "TSMAN_DESCRIPTORS";

/**
 * The caller's descriptors 3 to `count` + 2 (sd_listen_fds(3) begins there as well).  One that the
 * caller did not open could be ours, such as the store's, which must never get into a container.
 *
 * @param asked what asks for them: "--preserve-fds 2"
 * @throws TsmanError USAGE, naming the first one that is not open.
 */
export function givenDescriptors(
  count: number,
  asked: string,
  environment: Readonly<Record<string, string | undefined>>,
): number[] {
  const wanted = Array.from({ length: count }, (_, index) => 3 + index);
  const given = new Set((environment[variable] ?? "").split(" ").map(Number));
  const missing = wanted.find((descriptor) => !given.has(descriptor));
  if (missing === undefined) return wanted;
  throw usageError(
    `use ${asked}: descriptor ${missing} is not open`,
    environment[variable] === undefined
      ? "start it by way of its launcher in bin/"
      : `open it (${missing}<FILE), or ask for fewer`,
  );
}
