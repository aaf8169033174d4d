import type { ContainerOptions } from "../container/options.ts";

/** The namespaces that can be another container's, by the option that asks for that. */
export const joinOptions = ["pid", "ipc", "uts", "network", "cgroupns"] as const;
/** One of {@link joinOptions}. */
export type JoinOption = (typeof joinOptions)[number];

/** One `--OPTION container:NAME`. */
export interface AskedJoin {
  readonly option: JoinOption;
  /** As the user names it. */
  readonly container: string;
}

/** The containers that have to run when one with these options starts, as they are named: each once. */
export function neededContainers(options: ContainerOptions): readonly string[] {
  const joined = askedJoins(options).map(({ container }) => container);
  const { requires = [] } = options;
  return joined.length + requires.length === 0 ? [] : [...new Set([...joined, ...requires])];
}

/** All `container:NAME` among the options. */
export function askedJoins(options: ContainerOptions): readonly AskedJoin[] {
  return joinOptions.flatMap((option) => {
    const request = option === "cgroupns" ? options.cgroup?.namespace : options[option];
    return request?.mode === "container" ? [{ option, container: request.container }] : [];
  });
}
