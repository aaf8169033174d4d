/** Longer ones would hide what is said of them. */
const most = 80;

/**
 * `user:password@` before what can only be a host: a digest goes on with its algorithm, a colon and
 * more than a port's digits.
 */
const credentials = /^((?:[a-z]{1,16}:\/\/)?[^\s/@:]*):[^/]*@(?![a-z0-9+._-]*:(?!\d{1,5}$)[^/]*$)/;

/**
 * What somebody has typed or configured as an image's name, for a message: quoted, short, without
 * anything that a terminal could take for a command (case S35), and without a password (case S62).
 */
export function showText(text: string, prefix = ""): string {
  const named = text.replace(credentials, "$1:***@");
  const short = named.length > most ? `${named.slice(0, most)}…` : named;
  return JSON.stringify(`${prefix}${short}`).replace(/[^\x20-\x7e…]/g, "?");
}
