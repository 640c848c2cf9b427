import { generateKeyPairSync, type KeyObject } from 'node:crypto'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ed25519 = generateKeyPairSync('ed25519')

/** Private keys in PEM. */
export const rsaKey = pem(rsa.privateKey)
export const ed25519Key = pem(ed25519.privateKey)

/** What the DNS has of them, for `rsa._domainkey.…` and `ed._domainkey.…` of any domain. */
export function dkimRecords(...domains: string[]): Record<string, string> {
  const p = rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const raw = ed25519.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64')
  const records = domains.flatMap(domain => [
    [`rsa._domainkey.${domain}`, `v=DKIM1; k=rsa; p=${p}`],
    [`ed._domainkey.${domain}`, `v=DKIM1; k=ed25519; p=${raw}`],
  ])
  return Object.fromEntries(records)
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
