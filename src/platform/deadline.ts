/** What a timer can wait at most, in milliseconds: 24 days. */
const longest = 2 ** 31 - 1;

/** A signal that is aborted when `signal` is, or when that moment comes. */
export function signalUntil(
  moment: Date | undefined,
  signal: AbortSignal | undefined,
): AbortSignal | undefined {
  if (moment === undefined) return signal;
  const left = Math.max(0, Math.min(moment.getTime() - Date.now(), longest));
  const deadline = AbortSignal.timeout(Math.ceil(left));
  return signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
}
