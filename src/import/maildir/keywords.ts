const mostKeywords = 26
const firstLetter = 97

/** Reads Dovecot's file `dovecot-keywords`: lines of a number and a keyword, for the letters from `a` on. */
export function parseKeywords(text: string): (string | undefined)[] {
  const keywords: (string | undefined)[] = []
  for (const line of text.split('\n')) {
    const match = /^(\d{1,2}) (\S+)\s*$/.exec(line)
    const number = Number(match?.[1] ?? mostKeywords)
    if (number < mostKeywords) keywords[number] = match?.[2]
  }
  return keywords
}

/** The keywords of one folder, which has letters for 26 of them. */
export class KeywordLetters {
  readonly #letters = new Map<string, string>()

  /** The letter of a keyword, given at the first call; `undefined` when all are taken. */
  letterOf(keyword: string): string | undefined {
    const known = this.#letters.get(keyword)
    if (known !== undefined || this.#letters.size === mostKeywords) return known
    const letter = String.fromCharCode(firstLetter + this.#letters.size)
    this.#letters.set(keyword, letter)
    return letter
  }

  /** The file `dovecot-keywords`; empty when there are none. */
  format(): string {
    return [...this.#letters.keys()].map((keyword, number) => `${number} ${keyword}\n`).join('')
  }
}
