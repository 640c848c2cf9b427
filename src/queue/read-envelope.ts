import { type Address, addressKey, formatAddress, needsSmtpUtf8, tryParseAddress } from '../core/address.js'
import type { DsnCondition, Envelope, EnvelopeRecipient } from '../core/envelope.js'
import { MailError } from '../core/error.js'
import type { CheckedMessage } from './check-message.js'
import type { MessageTraits } from './inspect-message.js'

/** An envelope as the app gives it. */
export type GivenEnvelope = NonNullable<CheckedMessage['envelope']>

/**
 * The envelope of a message: addresses in wire form, no recipient twice, the extensions it needs by its addresses and
 * its bytes.
 * @throws MailError `ADDRESS_INVALID` naming the option.
 */
export function readEnvelope(given: GivenEnvelope, traits: MessageTraits): Envelope {
  const sender = given.sender === '' ? undefined : readAddress('envelope.sender', given.sender)
  const recipients = new Map<string, EnvelopeRecipient>()
  let isUtf8 = traits.hasUtf8Header || (sender !== undefined && needsSmtpUtf8(sender))
  given.recipients.forEach((recipient, index) => {
    const fields = typeof recipient === 'string' ? { address: recipient } : recipient
    const address = readAddress(`envelope.recipients.${index}`, fields.address)
    isUtf8 ||= needsSmtpUtf8(address)
    if (!recipients.has(addressKey(address))) recipients.set(addressKey(address), wire(fields, address))
  })
  const { requireTls, ret, envid } = given
  return {
    sender: sender ? formatAddress(sender) : '',
    recipients: [...recipients.values()],
    ...(traits.is8bit && { body: '8bitmime' as const }),
    ...(isUtf8 && { smtputf8: true }),
    ...(requireTls && { requireTls }),
    ...(ret && { ret }),
    ...(envid !== undefined && { envid }),
  }
}

interface RecipientFields {
  readonly notify?: readonly DsnCondition[] | undefined
  readonly originalRecipient?: string | undefined
}

function wire({ notify, originalRecipient }: RecipientFields, address: Address): EnvelopeRecipient {
  return {
    address: formatAddress(address),
    ...(notify && { notify }),
    ...(originalRecipient !== undefined && { originalRecipient }),
  }
}

function readAddress(option: string, text: string): Address {
  const address = tryParseAddress(text)
  if (address) return address
  const got = JSON.stringify(text.slice(0, 300))
  throw new MailError(
    'ADDRESS_INVALID',
    `send: ${option}: got ${got}, expected a bare address such as 'alice@example.test'`,
  )
}
