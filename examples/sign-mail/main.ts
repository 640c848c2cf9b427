/** Mail that leaves signed, with an RSA and an Ed25519 key side by side. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { createDeliveryQueue, createDkimSigner, type Transport } from 'posthorn'

const encoding = {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
} as const
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048, ...encoding })
const ed25519 = generateKeyPairSync('ed25519', encoding)

/** Stands for the rest of the world: keeps what left. */
const sent: string[] = []
const transport: Transport = {
  async deliver({ message, recipients }) {
    const chunks: Uint8Array[] = []
    for await (const chunk of message.open()) chunks.push(chunk)
    sent.push(Buffer.concat(chunks).toString())
    return recipients.map(({ address }) => ({
      recipient: address,
      status: 'delivered',
      scope: 'recipient',
      reason: 'taken',
    }))
  },
  async close() {},
}

const queue = createDeliveryQueue({
  hostname: 'mx.example.test',
  transport,
  sign: createDkimSigner({
    keys: [
      { domain: 'example.test', selector: 'rsa2026', privateKey: rsa.privateKey },
      { domain: 'example.test', selector: 'ed2026', privateKey: ed25519.privateKey },
    ],
  }),
})
await queue.start()
await queue.send({ from: 'alice@example.test', to: 'bob@other.test', subject: 'Hello', text: 'Hi' })
await queue.idle()

assert.match(
  sent[0] ?? '',
  /^DKIM-Signature: v=1; a=rsa-sha256;[\s\S]*\nDKIM-Signature: v=1; a=ed25519-sha256;/,
)
console.log(sent[0]?.split('\r\n\r\n')[0])
await queue.close()
