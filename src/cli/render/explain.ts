import type { ExplainDocument } from "../../engine/types.ts";

/** `--explain` for people: each thing that would be done, with who asked for it. */
export function explainText(document: ExplainDocument): string {
  return document.sections
    .filter((section) => section.entries.length > 0)
    .map((section) => {
      const width = Math.min(64, Math.max(...section.entries.map(({ what }) => what.length)));
      const rows = section.entries.map(({ what, because }) => {
        const arrow = what.length > width ? "\n      <-" : `${" ".repeat(width - what.length)}  <-`;
        return `  ${what}${arrow} ${because}\n`;
      });
      return `${section.title}:\n${rows.join("")}`;
    })
    .join("\n");
}
