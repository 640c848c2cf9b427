import { bisect } from './bisect.js'

const pageSize = 512

/** Values by key, ascending. The keys lie in pages, so that one more moves those of its page only. */
export class SortedMap<T> {
  readonly #values = new Map<string, T>()
  /** None is empty. */
  #pages: string[][] = []

  get size(): number {
    return this.#values.size
  }

  get(key: string): T | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: T): void {
    if (!this.#values.has(key)) this.#insert(key)
    this.#values.set(key, value)
  }

  /** Whether it was there. */
  delete(key: string): boolean {
    if (!this.#values.delete(key)) return false
    const number = this.#pageOf(key)
    const page = this.#pages[number] ?? []
    page.splice(indexIn(page, key), 1)
    if (page.length === 0) this.#pages.splice(number, 1)
    return true
  }

  /** Keeps those that fit only. */
  filter(fits: (value: T) => boolean): void {
    for (const [key, value] of this.#values) if (!fits(value)) this.#values.delete(key)
    this.#pages = this.#pages
      .map(page => page.filter(key => this.#values.has(key)))
      .filter(page => page.length > 0)
  }

  /** Entries from a key on, itself included. Nothing may change meanwhile. */
  *from(key: string): Generator<readonly [key: string, value: T]> {
    for (let number = this.#pageOf(key); number < this.#pages.length; number++) {
      const page = this.#pages[number] ?? []
      for (let index = indexIn(page, key); index < page.length; index++) {
        const found = page[index] ?? ''
        const value = this.#values.get(found)
        if (value !== undefined) yield [found, value]
      }
    }
  }

  #insert(key: string): void {
    const number = Math.min(this.#pageOf(key), Math.max(0, this.#pages.length - 1))
    const page = this.#pages[number]
    if (!page) {
      this.#pages.push([key])
      return
    }
    page.splice(indexIn(page, key), 0, key)
    if (page.length > pageSize)
      this.#pages.splice(number, 1, page.slice(0, pageSize / 2), page.slice(pageSize / 2))
  }

  /** The number of the first page whose last key is this one or a later one. */
  #pageOf(key: string): number {
    return bisect(this.#pages.length, number => (this.#pages[number]?.at(-1) ?? '') >= key)
  }
}

/** Index of the first key that is this one or a later one. */
function indexIn(page: readonly string[], key: string): number {
  return bisect(page.length, index => (page[index] ?? '') >= key)
}
