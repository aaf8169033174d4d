import { failuresOf, isTsmanError, type TsmanError } from "../../errors/index.ts";
import type { Output } from "../output.ts";
import { escapeControls } from "./escape.ts";
import { inSources } from "./source-place.ts";

/** How an error is shown. */
export interface ErrorStyle {
  /** Control characters are made visible on a terminal. */
  readonly isTerminal: boolean;
  /** With code, details, causes and stack. */
  readonly isDebug: boolean;
}

/** An error for people: `tsman: error: MESSAGE`, then its remedy. */
export function errorText(error: TsmanError, style: ErrorStyle): string {
  const lines = [`tsman: error: ${error.message}`];
  const hint = error.hint ?? (error.code === "INTERNAL" ? internalHint : undefined);
  if (hint !== undefined) lines.push(...hint.split("\n").map((line) => `hint: ${line}`));
  if (style.isDebug) lines.push(...debugLines(error));
  const text = `${lines.join("\n")}\n`;
  return style.isTerminal ? escapeControls(text) : text;
}

const internalHint =
  "this is a defect of tsman; run it again with --log-level debug and report what it says";

/** Deeper chains are cut: a cause may lead back to where it came from. */
const maxCauses = 16;

function debugLines(error: TsmanError): string[] {
  const lines = [`debug: code ${error.code}, exit status ${error.exitStatus}`];
  for (const [key, value] of Object.entries(error.details)) {
    lines.push(`debug: ${key}: ${Array.isArray(value) ? value.join(", ") : String(value)}`);
  }
  const causes = causesOf(error);
  for (const cause of causes) {
    const code = isTsmanError(cause) ? `${cause.code}: ` : "";
    lines.push(`debug: caused by ${code}${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const traced = causes.find((cause) => cause instanceof Error) ?? error;
  const stack = traced.stack?.split("\n").slice(1) ?? [];
  return [...lines, ...inSources(stack.map((line) => line.trim())).map((line) => `debug: ${line}`)];
}

/** The chain of causes; where several failures have met, each with its own after it. */
function causesOf(error: TsmanError): readonly unknown[] {
  const causes: unknown[] = [];
  const waiting: unknown[] = [error.cause];
  while (waiting.length > 0 && causes.length < maxCauses) {
    const cause = waiting.shift();
    if (cause === undefined) continue;
    const [first, ...later] = failuresOf(cause);
    if (first === cause) causes.push(cause);
    if (cause instanceof Error)
      waiting.unshift(...(first === cause ? [cause.cause] : [first, ...later]));
  }
  return causes;
}

/** A warning for people. */
export function warningText(message: string, isTerminal: boolean): string {
  const text = `tsman: warning: ${message}\n`;
  return isTerminal ? escapeControls(text) : text;
}

/** Prints warnings as they come: `onWarning` of the engine's verbs. */
export function warningsTo(stderr: Output): (message: string) => void {
  return (message) => stderr.write(warningText(message, stderr.isTerminal));
}
