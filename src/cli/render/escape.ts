/**
 * C0 except tab and newline, DEL, C1, and the characters that turn the direction of text: what a
 * name, label or message could use to paint over a terminal (security case S35).
 */
const dangerous = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Makes control characters visible: `\x1b`. Tabs and newlines stay. */
export function escapeControls(text: string): string {
  return text.replace(dangerous, visible);
}

/** As {@link escapeControls}, for a place where a newline or tab would break the form. */
export function escapeCell(text: string): string {
  return escapeControls(text).replace(/[\t\n]/g, visible);
}

/**
 * A JSON document in the form that commands print, on one line without `indent`.  JSON.stringify leaves DEL, C1 and
 * turned text as they are; their escapes mean the same to every reader.
 */
export function printableJson(value: unknown, indent = 4): string {
  return JSON.stringify(value, null, indent).replace(
    /[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function visible(character: string): string {
  const code = character.charCodeAt(0);
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
