import type { Reply } from '../core/reply.js'

/** What a session needs of its connection. */
export interface Wire {
  /** Puts a reply behind those before it. They leave together, once there is no more input to work on. */
  send(reply: Reply): void
  /** Sends what is waiting and ends the connection; what the client still says is not read. */
  end(): void
  /** Cuts the connection. */
  destroy(): void
  /** Sends what is waiting and begins the TLS handshake. What came in the clear is thrown away. */
  startTls(): void
  /** Takes what follows as the data of a message. */
  receiveData(sink: DataSink): void
}

/** Where the data of a message goes. */
export interface DataSink {
  /** Takes bytes of the message, in order. Never rejects. */
  write(data: Buffer): void | Promise<void>
  /** The message has ended. `bareLineBreak`: it has a CR or LF that is not part of a CRLF. Never rejects. */
  end(bareLineBreak: boolean): Promise<void>
  /** The connection was lost before the message ended. */
  abort(): void
}
