import {
  createSaslExchange,
  type SaslExchange,
  type SaslStep,
  saslMechanisms,
} from '../../accounts/sasl/sasl-exchange.js'
import type { Command } from '../command.js'
import { logIn } from '../login.js'
import type { Session } from '../session.js'

/** RFC 5034, with initial response. Without an argument it lists the mechanisms, as clients older than CAPA ask. */
export const auth: Command = {
  verb: 'AUTH',
  states: ['authorization'],
  run(session, argument) {
    if (!session.mayLogIn) return session.reject('Encryption is needed before a password')
    if (argument === '') return listMechanisms(session)
    const [mechanism = '', initialResponse, ...more] = argument.split(' ')
    const exchange = createSaslExchange(mechanism)
    if (!exchange || more.length > 0) return session.reject('No such mechanism')
    session.username = undefined
    return follow(session, exchange, exchange.start(initialResponse))
  },
}

function follow(session: Session, exchange: SaslExchange, step: SaslStep): Promise<void> | undefined {
  session.continuation = undefined
  if (step.kind === 'failed')
    return session.reject(step.reason === 'aborted' ? 'Aborted' : 'Malformed response')
  if (step.kind === 'credentials') {
    const { kind, ...credentials } = step
    return logIn(session, credentials)
  }
  session.connection.write(`+ ${step.challenge}\r\n`)
  session.continuation = line => follow(session, exchange, exchange.step(line))
  return undefined
}

function listMechanisms(session: Session): undefined {
  session.connection.write(`+OK Mechanisms follow\r\n${saslMechanisms.join('\r\n')}\r\n.\r\n`)
}
