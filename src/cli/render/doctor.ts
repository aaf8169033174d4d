import type { CheckStatus, DoctorReport } from "../../engine/doctor/report.ts";

const words: Readonly<Record<CheckStatus, string>> = {
  ok: "ok",
  limited: "works with a limit",
  broken: "broken",
};

/** `tsman doctor` for people. */
export function doctorText(report: DoctorReport): string {
  const width = Math.max(0, ...report.checks.map(({ title }) => title.length));
  const indent = " ".repeat(width + 2);
  const checks = report.checks.map((check) => {
    const lines = [`${check.title.padEnd(width)}  ${words[check.status]}: ${check.found}`];
    if (check.consequence !== undefined) lines.push(`${indent}  so: ${check.consequence}`);
    if (check.remedy !== undefined) {
      const [first = "", ...rest] = check.remedy.split("\n");
      lines.push(`${indent}  do: ${first}`, ...rest.map((line) => `${indent}      ${line}`));
    }
    return `${lines.join("\n")}\n`;
  });
  const fatal = report.checks.filter((check) => check.isFatal && check.status === "broken");
  const verdict = report.canRun
    ? "tsman run works on this host.\n"
    : `tsman run cannot work on this host: ${fatal.map(({ title }) => title).join(", ")}.\n`;
  return `${checks.join("")}\n${verdict}`;
}
