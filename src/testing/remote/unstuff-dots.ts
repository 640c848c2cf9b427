/** A message without the dots that were doubled for the way (RFC 5321 §4.5.2). */
export function unstuffDots(message: Buffer): Buffer {
  const text = message.toString('latin1')
  return text.includes('..') ? Buffer.from(text.replace(/(^|\r\n)\.\./g, '$1.'), 'latin1') : message
}
