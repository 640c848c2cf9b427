import type { ScriptedPeer } from './scripted-peer.js'

/** Asks for what an AUTH command has not said yet (RFC 4954 §4), and takes it, whatever it is. */
export function answerAuth(peer: ScriptedPeer, argument: string): unknown {
  const [mechanism = '', initial] = argument.split(' ')
  const questions = mechanism.toUpperCase() === 'LOGIN' ? ['VXNlcm5hbWU6', 'UGFzc3dvcmQ6'] : ['']
  if (initial !== undefined) questions.shift()
  return questions.length === 0 ? peer.say([accepted]) : ask(peer, questions)
}

const accepted = '235 2.7.0 Authenticated'

async function ask(peer: ScriptedPeer, questions: readonly string[]): Promise<void> {
  for (const question of questions) {
    const answer = await peer.ask(`334 ${question}`)
    peer.authAnswers.push(answer)
    // RFC 4954 §4: the client takes it back.
    if (answer === '*') return peer.say(['501 5.7.0 Authentication cancelled'])
  }
  peer.say([accepted])
}
