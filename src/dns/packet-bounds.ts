/**
 * Looks over a packet before dns-packet reads it. That trusts lengths and follows compression pointers without a
 * bound of its own: a packet of 64 KiB whose names are chains of thousands of pointers would keep it busy for most
 * of a second. What passes here is read in time that grows with the packet only.
 */

const headerSize = 12
/** A name has at most 127 labels, and a pointer leads to a label (RFC 1035 §4.1.4). */
const mostJumps = 127
const longestName = 255

/** Octets, `name`s and `rest` that the data of a type is made of. */
type Shape = readonly (number | 'name' | 'rest' | 'options')[]

/** The types that are asked for or come along; data of types that dns-packet does not know either is opaque. */
const shapes: ReadonlyMap<number, Shape> = new Map<number, Shape>([
  [1, [4]], // A
  [2, ['name']], // NS
  [5, ['name']], // CNAME
  [6, ['name', 'name', 20]], // SOA
  [10, ['rest']], // NULL
  [12, ['name']], // PTR
  [15, [2, 'name']], // MX
  [16, ['rest']], // TXT
  [28, [16]], // AAAA
  [33, [6, 'name']], // SRV
  [39, ['name']], // DNAME
  [41, ['options']], // OPT
  [52, [3, 'rest']], // TLSA
])

/** Types whose data dns-packet reads in ways not checked here. Nobody who asks for mail's types is sent them. */
const unasked: ReadonlySet<number> = new Set([13, 17, 35, 43, 44, 46, 47, 48, 50, 257])

/**
 * Throws when a packet is cut, has more than one question, or holds a name or data that is not what it should be.
 * @throws Error saying what is wrong.
 */
export function checkPacket(bytes: Buffer): void {
  if (bytes.readUInt16BE(4) > 1) throw new Error('more than one question')
  const records = [6, 8, 10].reduce((sum, offset) => sum + bytes.readUInt16BE(offset), 0)
  let offset = headerSize
  if (bytes.readUInt16BE(4) === 1) offset = endOfName(bytes, offset) + 4
  for (let record = 0; record < records; record++) {
    offset = endOfName(bytes, offset)
    const type = bytes.readUInt16BE(offset)
    const data = offset + 10
    offset = data + bytes.readUInt16BE(offset + 8)
    if (offset > bytes.length) throw new Error('cut within a record')
    checkData(bytes.subarray(0, offset), data, type)
  }
}

function checkData(bytes: Buffer, start: number, type: number): void {
  if (unasked.has(type)) throw new Error(`a record of type ${type}, which was not asked for`)
  let offset = start
  for (const part of shapes.get(type) ?? ['rest']) {
    if (part === 'name') offset = endOfName(bytes, offset)
    else if (part === 'rest') offset = Math.max(offset, bytes.length)
    else if (part === 'options') offset = endOfOptions(bytes, offset)
    else offset += part
  }
  if (offset !== bytes.length) throw new Error(`data of type ${type} of a wrong length`)
}

/** Where the octets of a name end, its pointers followed to see that they end too. */
function endOfName(bytes: Buffer, start: number): number {
  let end: number | undefined
  let jumps = 0
  let length = 1
  for (let offset = start; ; ) {
    const label = bytes.readUInt8(offset)
    if (label === 0) return end ?? offset + 1
    if (label >= 0xc0) {
      end ??= offset + 2
      offset = bytes.readUInt16BE(offset) & 0x3fff
      if (++jumps > mostJumps) throw new Error('a name that goes in circles')
    } else {
      length += label + 1
      offset += label + 1
      if (label > 0x3f || length > longestName) throw new Error('a name or label that is too long')
    }
  }
}

function endOfOptions(bytes: Buffer, start: number): number {
  let offset = start
  while (offset < bytes.length) offset += 4 + bytes.readUInt16BE(offset + 2)
  return offset
}
