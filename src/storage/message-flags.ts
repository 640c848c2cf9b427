import type { FlagChange } from './mail-storage.js'

const noFlags: readonly string[] = Object.freeze([])

/** Flags as a {@link MessageRecord} has them: sorted, each once, frozen. */
export function sortFlags(flags: readonly string[] = noFlags): readonly string[] {
  return flags.length === 0 ? noFlags : Object.freeze([...new Set(flags)].sort())
}

/** The flags of a message after a change, as {@link sortFlags} gives them. */
export function changeFlags(
  before: readonly string[],
  { mode, flags }: Pick<FlagChange, 'mode' | 'flags'>,
): readonly string[] {
  if (mode === 'replace') return sortFlags(flags)
  if (mode === 'add') return sortFlags([...before, ...flags])
  return sortFlags(before.filter(flag => !flags.includes(flag)))
}
