import { createHmac, timingSafeEqual } from 'node:crypto'

/** Crockford's base 32 in lower case: survives servers that change the case of a local part. */
const digits = '0123456789abcdefghjkmnpqrstvwxyz'
const dayLength = 86_400_000
/** Days are told by their number modulo this, as BATV and SRS tell them: in a word that stays short. */
const cycle = 1024

/** Characters of a seal: two for the day, eight for 40 bits of the MAC. */
export const sealLength = 10

/** Signs words in an address, and tells the signed from the forged. */
export interface Sealer {
  /** The seal of some texts, made at an instant: ten characters of `[0-9a-z]`. */
  seal(texts: readonly string[], now: number): string
  /** Whether a seal is one of those texts, and no older than the lifetime. */
  isSealed(texts: readonly string[], seal: string, now: number): boolean
}

/**
 * Seals with the first of `secrets` (HMAC-SHA-256) and knows the seals of all of them, so that a secret can be replaced
 * while mail signed with the old one is still on its way. Case does not matter: forwarders change it.
 */
export function createSealer(secrets: readonly string[], lifetime: number): Sealer {
  const [current = ''] = secrets
  const days = Math.ceil(lifetime / dayLength)
  return {
    seal: (texts, now) => sealOf(current, texts, dayOf(now)),
    isSealed: (texts, seal, now) => {
      const day = readDay(seal)
      // A day in the future is that of a clock set back, and no more than one.
      if (day === undefined || (dayOf(now) - day + 1 + cycle) % cycle > days + 1) return false
      const given = Buffer.from(seal.toLowerCase())
      return secrets.some(secret => timingSafeEqual(Buffer.from(sealOf(secret, texts, day)), given))
    },
  }
}

function dayOf(instant: number): number {
  return Math.floor(instant / dayLength) % cycle
}

function sealOf(secret: string, texts: readonly string[], day: number): string {
  const mac = createHmac('sha256', secret)
  // Lengths keep one list of texts from reading as another.
  for (const text of [String(day), ...texts].map(text => text.toLowerCase()))
    mac.update(`${text.length}:${text}`)
  const octets = mac.digest()
  let seal = digit(day >> 5) + digit(day)
  for (const octet of octets.subarray(0, sealLength - 2)) seal += digit(octet)
  return seal
}

function readDay(seal: string): number | undefined {
  if (seal.length !== sealLength || !/^[0-9a-z]+$/i.test(seal)) return undefined
  const [high = -1, low = -1] = Array.from(seal.slice(0, 2).toLowerCase(), char => digits.indexOf(char))
  return high < 0 || low < 0 ? undefined : high * 32 + low
}

function digit(bits: number): string {
  return digits.charAt(bits & 31)
}
