/** A copy of plain data that nobody can change: objects and arrays all the way down, frozen. */
export function frozenCopy<T>(value: T): T
export function frozenCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy))
  // A spread makes own properties, so that a key named __proto__ stays a key like any other.
  const copy: Record<string, unknown> = { ...value }
  for (const [key, item] of Object.entries(copy)) {
    if (typeof item === 'object' && item !== null) copy[key] = frozenCopy(item)
  }
  return Object.freeze(copy)
}
