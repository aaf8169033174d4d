import type { ExplainEntry } from "../types.ts";
import type { ContainerPlan } from "./plan-container.ts";

/** Lines that are added to the root's /etc/passwd and /etc/group. */
export function explainAccounts({ bundle }: Pick<ContainerPlan, "bundle">): ExplainEntry[] {
  const { user, hostUsers = [] } = bundle;
  const { passwd, group } = user.forms ?? {};
  const lines = hostUsers.map(({ name, line }) => ({
    what: `the line ${line} in /etc/passwd, if it has neither name nor id`,
    because: `--hostuser ${name}`,
  }));
  if (user.isUnlisted === true) {
    return [{ what: "no line in /etc/passwd and /etc/group", because: "--passwd=false" }];
  }
  return [
    ...lines,
    {
      what: `${passwd === undefined ? "a line" : `the line ${passwd}`} in /etc/passwd, if it has none for the user`,
      because: passwd === undefined ? "default" : "--passwd-entry",
    },
    {
      what: `${group === undefined ? "a line" : `the line ${group}`} in /etc/group, if it has none for the group`,
      because: group === undefined ? "default" : "--group-entry",
    },
  ];
}
