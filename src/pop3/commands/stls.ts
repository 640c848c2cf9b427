import type { Command } from '../command.js'

/**
 * RFC 2595 §4. What the client sent behind STLS, before the handshake, is thrown away, and what it said before is
 * forgotten: somebody between could have put it there.
 */
export const stls: Command = {
  verb: 'STLS',
  states: ['authorization'],
  run(session, argument) {
    const { tls } = session.context.settings
    if (!session.offersStls || !tls)
      return session.reject(session.secure ? 'Encrypted already' : 'No TLS here')
    if (argument !== '') return session.reject('STLS takes no argument')
    session.connection.discardInput()
    session.username = undefined
    session.ok('Begin TLS')
    return session.startTls(tls.context).then(() => {})
  },
}
