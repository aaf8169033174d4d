/** A duration in words, in the steps that Podman's and Docker's users know. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  const days = Math.trunc(hours / 24);
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.trunc(days / 7)} weeks`;
  if (days < 730) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(days / 365)} years`;
}

/** How long ago a moment was: `3 minutes ago`. */
export function humanAge(moment: string, now: number): string {
  const time = Date.parse(moment);
  return Number.isNaN(time) ? "unknown" : `${humanDuration(Math.max(0, now - time))} ago`;
}

const units = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes in powers of 1000 with three significant digits: `7.66 MB`. */
export function humanSize(bytes: number): string {
  return scaledSize(bytes, 3, " ");
}

/** Bytes in powers of 1000 with four significant digits: `7.656MB`. */
export function compactSize(bytes: number): string {
  return scaledSize(bytes, 4, "");
}

function scaledSize(bytes: number, digits: number, gap: string): string {
  let value = bytes;
  let unit = 0;
  while (Number(value.toPrecision(digits)) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(digits))}${gap}${units[unit] ?? ""}`;
}

/** The id without its algorithm, in twelve digits unless all are wanted. */
export function shownId(id: string, isFull: boolean): string {
  const digits = id.startsWith("sha256:") ? id.slice("sha256:".length) : id;
  if (isFull) return id;
  return digits.slice(0, 12);
}
