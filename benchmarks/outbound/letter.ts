const line = 'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod.\r\n'
const header =
  'From: a@example.test\r\nTo: user@d0.test\r\nSubject: benchmark\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n'

/** A message of 4 KB. */
export const letter = Buffer.from(`${header}\r\n${line.repeat(Math.round(4_096 / line.length))}`)
