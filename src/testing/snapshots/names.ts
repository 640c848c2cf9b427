/** Names in the place of what differs from run to run: the same for the same. */
export class Names {
  readonly #known = new Map<string, string>()

  replaceIn(text: string): string {
    return text
      .replace(/<[^\s<>@]{1,200}@[^\s<>@]{1,200}>/g, id => (isRandom(id) ? `<${this.of(id)}>` : id))
      .replace(/\bcid:([^\s"'<>()]{1,400})/gi, (cid, id) =>
        isRandom(id) ? `cid:<${this.of(`<${id}>`)}>` : cid,
      )
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, id => `<${this.of(id)}>`)
      .replace(internetDate, '<date>')
      .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?/g, '<date>')
  }

  /** The name of an id. */
  of(id: string): string {
    const name = this.#known.get(id) ?? `id ${this.#known.size + 1}`
    this.#known.set(id, name)
    return name
  }
}

/** RFC 5322 §3.3. */
const internetDate =
  /\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|GMT)/g

/** Whether an id is one, and no address: ids have digits and letters without a word. */
function isRandom(id: string): boolean {
  const local = id.replace(/^<|@.*$/g, '')
  return /\d/.test(local) && local.length >= 12
}
