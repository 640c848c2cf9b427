/** The little of DER (X.690) that a certificate is written in. */

/** One value: tag, length, contents. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const size = contents.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([Buffer.from([tag]), lengthOf(size), ...contents])
}

function lengthOf(size: number): Buffer {
  if (size < 0x80) return Buffer.from([size])
  const hex = size.toString(16)
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return Buffer.concat([Buffer.from([0x80 | octets.length]), octets])
}

/** SEQUENCE. */
export function sequence(...contents: readonly Uint8Array[]): Buffer {
  return der(0x30, ...contents)
}

/** SET. */
export function set(...contents: readonly Uint8Array[]): Buffer {
  return der(0x31, ...contents)
}

/** A positive INTEGER of these octets: a first bit that is set would make it negative. */
export function integer(octets: Uint8Array): Buffer {
  return der(0x02, (octets[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), octets]) : octets)
}

/** BIT STRING of whole octets. */
export function bitString(octets: Uint8Array): Buffer {
  return der(0x03, Buffer.of(0), octets)
}

/** OCTET STRING. */
export function octetString(octets: Uint8Array): Buffer {
  return der(0x04, octets)
}

/** UTF8String. */
export function utf8String(text: string): Buffer {
  return der(0x0c, Buffer.from(text))
}

/** UTCTime such as `491231235959Z`, of the years 1950 to 2049. */
export function utcTime(text: string): Buffer {
  return der(0x17, Buffer.from(text, 'latin1'))
}

/** BOOLEAN, true. */
export const yes = der(0x01, Buffer.of(0xff))

/** OBJECT IDENTIFIER of its numbers in dots. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(number: number): number[] {
  const octets = [number & 0x7f]
  for (let rest = number >>> 7; rest > 0; rest >>>= 7) octets.unshift((rest & 0x7f) | 0x80)
  return octets
}
