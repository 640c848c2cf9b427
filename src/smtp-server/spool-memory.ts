import { createMessageSpool, type MessageSpool } from '../message/message-spool.js'

/** What a message is held in memory with when the memory for messages is used up. */
const leastMemory = 64 * 1024

/** Gives messages that are being received their place in memory, as long as there is some. */
export interface SpoolMemory {
  /** A spool for one message, and the function that gives its memory back once the message is done with. */
  open(): { readonly spool: MessageSpool; readonly release: () => void }
}

/** Shares out `memory` octets, `memoryPerMessage` a message. Those who find none left begin a temporary file early. */
export function createSpoolMemory(options: {
  memory: number
  memoryPerMessage: number
  directory?: string | undefined
}): SpoolMemory {
  const { memory, memoryPerMessage, directory } = options
  const place = directory === undefined ? {} : { directory }
  let used = 0
  return {
    open: () => {
      const fits = used + memoryPerMessage <= memory
      const memoryLimit = fits ? memoryPerMessage : Math.min(leastMemory, memoryPerMessage)
      let held = fits ? memoryPerMessage : 0
      used += held
      const release = () => {
        used -= held
        held = 0
      }
      return { spool: createMessageSpool({ ...place, memoryLimit }), release }
    },
  }
}
