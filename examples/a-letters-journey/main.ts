/**
 * A letter's journey: two mail hosts, three letters, thirty hours, in seconds.
 *
 *   npm start                  tells the story
 *   npm start -- --dialogue    with every line the hosts say to each other
 *
 * Everything is real but two things: the hosts have addresses of their own in a simulated network (their sockets
 * are on loopback), and the clock moves when it is told to.
 */
import assert from 'node:assert/strict'
import { createTransport } from 'nodemailer'
import { createDnsZone } from 'posthorn'
import { createSimulatedNetwork, createVirtualClock } from 'posthorn/testing'
import { createHost, demoCertificate } from './host.ts'
import { readByPop3 } from './read-by-pop3.ts'
import { tell, tellLetter, tellStep } from './tell.ts'

const clock = createVirtualClock()
const network = createSimulatedNetwork()
const zone = createDnsZone({
  'paris.test': { mx: 'mx.paris.test' },
  'mx.paris.test': { a: '192.0.2.1' },
  'rome.test': { mx: 'mx.rome.test' },
  'mx.rome.test': { a: '192.0.2.2' },
  'atlantis.test': { mx: 'mx.atlantis.test' },
  'mx.atlantis.test': { a: '192.0.2.99' },
})
const world = { clock, network, zone }
const dialogue = process.argv.includes('--dialogue')

async function journey() {
  tellStep('Two mail hosts come up')
  await using paris = createHost(world, {
    domain: 'paris.test',
    address: '192.0.2.1',
    user: 'alice',
    dialogue,
  })
  await using rome = createHost(world, { domain: 'rome.test', address: '192.0.2.2', user: 'bob', dialogue })
  await paris.up()
  await rome.up()

  tellStep('Alice writes to Bob: submitted with a password over TLS, delivered by MX, read over POP3')
  await submit('bob@rome.test', 'Greetings from Paris')
  await clock.settled()
  const [first] = await readByPop3(rome.realPort(995), 'bob')
  assert.match(first ?? '', /^Subject: Greetings from Paris\r$/m)
  assert.match(first ?? '', /^Received: from mx\.paris\.test /m)
  tellLetter('Bob reads', first)

  tellStep('The host in Rome goes down, and Alice writes again')
  await rome.down()
  await submit('bob@rome.test', 'Are you there?')
  await clock.advance('2h')
  const [waiting] = await paris.queue.list()
  assert.equal(waiting?.recipient.address, 'bob@rome.test')
  tell(`after 2 hours: ${waiting?.attempts} attempts, the last: ${waiting?.history.at(-1)?.reason}`)

  tellStep('Rome returns, and the letter with the next attempt')
  await rome.up()
  await clock.advance('2h')
  const letters = await readByPop3(rome.realPort(995), 'bob')
  assert.equal(letters.length, 2)
  assert.match(letters[1] ?? '', /^Subject: Are you there\?\r$/m)
  assert.deepEqual(await paris.queue.list(), [])
  tellLetter('Bob reads', letters[1])

  tellStep('A letter to Atlantis, whose host never answers, comes back after 30 hours')
  const sentAt = clock.now()
  await submit('plato@atlantis.test', 'To the bottom of the sea')
  await clock.advance('30h')
  const returned = await readByPop3(paris.realPort(995), 'alice')
  const bounce = returned.at(-1) ?? ''
  assert.equal(clock.now() - sentAt, 30 * 3_600_000)
  assert.match(bounce, /^Return-Path: <>\r$/m)
  assert.match(bounce, /^Content-Type: multipart\/report;/m)
  assert.match(bounce, /^Final-Recipient: rfc822; ?plato@atlantis\.test\r$/m)
  assert.match(bounce, /^Action: failed\r$/m)
  assert.deepEqual(await paris.queue.list(), [])
  tell(`Alice has ${returned.length} messages: ${returned.length - 1} warning of the delay, and`)
  tellLetter('what came back', bounce)

  /** Hands a letter of Alice in at her host, as a mail program does. */
  async function submit(to: string, subject: string) {
    const client = createTransport({
      host: '127.0.0.1',
      port: paris.realPort(587),
      requireTLS: true,
      auth: { user: 'alice', pass: 'alice-password' },
      tls: { ca: demoCertificate, servername: 'mx.paris.test' },
    })
    const { response } = await client.sendMail({
      from: 'alice@paris.test',
      to,
      subject,
      text: `${subject}\n\nYours, Alice`,
    })
    client.close()
    tell(`mx.paris.test says: ${response}`)
  }
}

await journey()
tellStep('Every step went as it should')
