import { MailError } from '../core/error.js'
import type { ImportTarget } from './keep-message.js'

/** Makes the mailbox that messages go to, where it is not there yet, and notes it. Gives its name as the store has it. */
export async function makeMailbox({ store, account, mailbox, log }: ImportTarget): Promise<string> {
  const { name } = await store.mailbox(account, mailbox).catch(thrown => {
    if (!(thrown instanceof MailError) || thrown.code !== 'NO_SUCH_MAILBOX') throw thrown
    return store.createMailbox(account, mailbox)
  })
  log.mailbox(name)
  return name
}
