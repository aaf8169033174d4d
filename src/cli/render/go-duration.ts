/** Milliseconds as Go prints a duration: `1h2m3.5s`, `250ms`, `0s`. */
export function goDuration(milliseconds: number): string {
  const whole = Math.max(0, milliseconds);
  if (whole === 0) return "0s";
  if (whole < 1) return `${Math.round(whole * 1000)}µs`;
  if (whole < 1000) return `${trimmed(whole)}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = `${trimmed((whole % 60_000) / 1000)}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** At most milliseconds or microseconds matter to anybody. */
function trimmed(value: number): string {
  return String(Number(value.toFixed(3)));
}
