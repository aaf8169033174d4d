/** One challenge of a WWW-Authenticate header; RFC 9110, 11.6.1. */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longer headers are no challenge that anybody means. */
const maxHeaderLength = 8192;

/**
 * Reads WWW-Authenticate, one or several headers with one or several challenges each.  Linear; what
 * it cannot read it leaves out, so that a challenge that is well formed still counts.
 */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const headers = header === undefined ? [] : typeof header === "string" ? [header] : header;
  return headers
    .filter((each) => each.length <= maxHeaderLength)
    .flatMap((each) => new ChallengeReader(each).readAll());
}

class ChallengeReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readAll(): Challenge[] {
    const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
    while (this.#at < this.#text.length) {
      this.#skip(" \t,");
      const word = this.#token();
      if (word === "") {
        // Neither a name nor a separator: step over it.
        this.#at += 1;
        continue;
      }
      this.#skip(" \t");
      if (this.#text[this.#at] === "=") {
        this.#at += 1;
        this.#skip(" \t");
        const value = this.#value();
        // The first of two parameters with one name counts: the second could be an afterthought.
        const parameters = challenges.at(-1)?.parameters;
        const name = word.toLowerCase();
        if (parameters !== undefined && !parameters.has(name)) parameters.set(name, value);
      } else {
        challenges.push({ scheme: word.toLowerCase(), parameters: new Map() });
      }
    }
    return challenges;
  }

  #skip(characters: string): void {
    while (this.#at < this.#text.length && characters.includes(this.#text.charAt(this.#at))) {
      this.#at += 1;
    }
  }

  /** A token of RFC 9110, 5.6.2; "" if there is none here. */
  #token(): string {
    const start = this.#at;
    while (this.#at < this.#text.length && tokenCharacter.test(this.#text.charAt(this.#at))) {
      this.#at += 1;
    }
    return this.#text.slice(start, this.#at);
  }

  /** A quoted string, or what stands up to the next separator. */
  #value(): string {
    if (this.#text[this.#at] !== '"') {
      const start = this.#at;
      while (this.#at < this.#text.length && !", \t".includes(this.#text.charAt(this.#at))) {
        this.#at += 1;
      }
      return this.#text.slice(start, this.#at);
    }
    let value = "";
    this.#at += 1;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"') {
      if (this.#text[this.#at] === "\\") this.#at += 1;
      value += this.#text[this.#at] ?? "";
      this.#at += 1;
    }
    this.#at += 1;
    return value;
  }
}

const tokenCharacter = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;
