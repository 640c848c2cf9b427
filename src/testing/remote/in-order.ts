import { isThenable } from '../../core/is-thenable.js'

/** Does an action for each item, one after the other; answers with a promise only when one of them takes its time. */
export function inOrder<T>(items: readonly T[], action: (item: T) => unknown): unknown {
  for (const [index, item] of items.entries()) {
    const doing = action(item)
    if (isThenable(doing)) return doing.then(() => inOrder(items.slice(index + 1), action))
  }
  return undefined
}
