import { MailError } from '../../core/error.js'
import { isThenable } from '../../core/is-thenable.js'

/** Whether a pattern or a function fits a text. Patterns with the flags g and y would go on where they ended the last time. */
export function holds(match: RegExp | ((text: string) => boolean), text: string): boolean {
  if (typeof match === 'function') return ask(match, text)
  match.lastIndex = 0
  return match.test(text)
}

/**
 * What a function of the test answers.
 * @throws MailError `OPTION_INVALID` for one that answers later: a promise is always true.
 */
export function ask<T>(question: (about: T) => boolean, about: T): boolean {
  const answer: unknown = question(about)
  if (!isThenable(answer)) return Boolean(answer)
  answer.then(undefined, () => {})
  throw new MailError('OPTION_INVALID', 'match: got a function that answers later, expected one at once')
}
