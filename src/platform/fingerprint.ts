/**
 * 64 bits that tell texts apart, as 16 hexadecimal digits: two lanes in the manner of FNV-1a.
 * For names of things that nobody wants to forge; where somebody might, the text itself
 * has to be compared too.  A digest of node:crypto would cost every start 8 ms.
 */
export function fingerprint(text: string): string {
  let low = 0x811c9dc5;
  let high = 0xcbf29ce4;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit ^ (low >>> 16), 0x01000193);
  }
  return [high, low].map((lane) => (lane >>> 0).toString(16).padStart(8, "0")).join("");
}
