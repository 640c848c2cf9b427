import { saslMechanisms } from '../../accounts/sasl/sasl-exchange.js'
import type { Command } from '../command.js'
import type { Session } from '../session.js'

/** RFC 2449 §5. A capability that the state forbids to use is announced all the same (§6: "announced states: both"). */
export const capa: Command = {
  verb: 'CAPA',
  states: ['authorization', 'transaction'],
  run(session) {
    session.connection.write(`+OK Capabilities follow\r\n${capabilities(session).join('\r\n')}\r\n.\r\n`)
    return undefined
  },
}

function capabilities(session: Session): string[] {
  const { loginDelay } = session.context.settings
  return [
    'TOP',
    'UIDL',
    ...(session.mayLogIn ? ['USER', `SASL ${saslMechanisms.join(' ')}`] : []),
    ...(session.offersStls ? ['STLS'] : []),
    'RESP-CODES',
    'AUTH-RESP-CODE',
    'PIPELINING',
    'EXPIRE NEVER',
    ...(loginDelay > 0 ? [`LOGIN-DELAY ${Math.ceil(loginDelay / 1000)}`] : []),
    'UTF8 USER',
    'LANG',
    'IMPLEMENTATION posthorn',
  ]
}
