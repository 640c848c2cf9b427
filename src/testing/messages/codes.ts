/** Words that stand near a code. */
const hint = /\b(?:code|pin|otp|passcode|password|token|verif\w*|confirm\w*|log.?in|sign.?in)\b/i

/** What a code is made of: digits, also in groups; capitals with a digit among them, also in groups; `G-482913`. */
const forms = [
  /\d{3} \d{3}/,
  /\d{4,8}/,
  /(?=[A-Z]*\d)[A-Z\d]{5,10}/,
  /[A-Z\d]{3,5}(?:-[A-Z\d]{3,5}){1,3}/,
  /[A-Z]{1,2}-\d{4,8}/,
  // Names of files and versions look like this: only right behind a word such as "code" it is one.
  /(?<small>(?=[a-z]*\d)(?=\d*[a-z])[a-z\d]{5,10})/,
]

/**
 * A code that stands by itself: what is a part of a path, an address, a number or an assignment is none. Behind `=` and `:`
 * it stands by itself where a word of three letters is before them.
 */
const candidate = new RegExp(
  `(?<![\\w./@#%&?+-]|\\d:|(?<![A-Za-z]{3})[:=])(?:${forms.map(({ source }) => source).join('|')})(?![\\w/@%=+-]|[.,:]\\d)`,
  'g',
)

/** How far before and behind a code its word may be, in characters. */
const reach = 80

/** How far before a code in small letters its word may be. */
const shortReach = 20

/**
 * What looks like a code to be typed in: those near a word such as "code" first, then others, each once. Blanks inside
 * are left out. Numbers that are a part of a URL, an amount or a date are none.
 */
export function findCodes(text: string): string[] {
  const bare = text.replace(/\bhttps?:\/\/\S+/gi, ' ')
  const found = [...bare.matchAll(candidate)]
    .filter(match => /\d/.test(match[0]) && !isAmountOrYear(bare, match.index, match[0]))
    .filter(({ index, groups }) => groups?.['small'] === undefined || isJustBefore(bare, index))
    .map(match => ({ code: match[0].replace(/ /g, ''), near: isHinted(bare, match.index, match[0].length) }))
  const ordered = [...found.filter(each => each.near), ...found.filter(each => !each.near)]
  return [...new Set(ordered.map(each => each.code))]
}

function isHinted(text: string, start: number, length: number): boolean {
  return hint.test(text.slice(Math.max(start - reach, 0), start + length + reach))
}

/** Whether a word that codes stand near is right before a place. */
function isJustBefore(text: string, start: number): boolean {
  return hint.test(text.slice(Math.max(start - shortReach, 0), start))
}

function isAmountOrYear(text: string, start: number, code: string): boolean {
  const before = text.slice(Math.max(start - 2, 0), start)
  const behind = text.slice(start + code.length, start + code.length + 4)
  const isYear = /^(?:19|20)\d\d$/.test(code) && !isJustBefore(text, start)
  return isYear || /[$€£¥©]\s?$/.test(before) || /^\s?(?:[$€£¥%]|EUR|USD)/.test(behind)
}
