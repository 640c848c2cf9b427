import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js'
import { SMTPServer } from 'smtp-server/lib/smtp-server.js'

/** Greets at once, where smtp-server waits for 100 ms. */
class EagerConnection extends SMTPConnection {
  override init(): void {
    this._setListeners(() => this.connectionReady())
  }
}

/** Bare smtp-server without its greeting delay. */
export class EagerServer extends SMTPServer {
  override connect(...[socket, options]: Parameters<SMTPServer['connect']>): void {
    const connection = new EagerConnection(this, socket, options)
    this.connections.add(connection)
    connection.on('error', error => this._onError(error))
    connection.init()
  }
}
