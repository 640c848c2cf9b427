import type { ServerResponse } from 'node:http'
import type { LogEvent } from '../log-lines.js'

/** Octets that a reader of the events may be behind before it is cut off. */
const mostUnread = 1024 * 1024

/** The readers of what happens, by server-sent events (WHATWG HTML §9.2). */
export class EventStream {
  readonly #readers = new Set<ServerResponse>()

  /** Sends all that happens from now on. */
  add(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(': posthorn\n\n')
    this.#readers.add(response)
    response.on('close', () => this.#readers.delete(response))
  }

  tell(event: LogEvent): void {
    const text = `event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`
    for (const reader of this.#readers) {
      if (reader.writableLength > mostUnread) reader.destroy()
      else reader.write(text)
    }
  }

  close(): void {
    for (const reader of this.#readers) reader.end()
  }
}
