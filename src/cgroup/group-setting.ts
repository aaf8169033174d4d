/** A controller of Documentation/admin-guide/cgroup-v2.rst that limits are for. */
export type Controller = "cpu" | "cpuset" | "io" | "memory" | "pids" | "hugetlb" | "misc" | "rdma";

/** What is written into a file of a control group. */
export interface GroupSetting {
  readonly controller: Controller | "cgroup";
  readonly file: string;
  readonly value: string;
  /** Instead, where the kernel does not have that file. */
  readonly otherwise?: { readonly file: string; readonly value: string };
  /** Nobody has asked for it: where the kernel does not have the file, it is left out. */
  readonly isImplied?: boolean;
}

/** Not so the absence of one, which each new group has. */
export function isLimit({ value }: GroupSetting): boolean {
  return value !== "max";
}
