import type { Address } from '../core/address.js'
import type { Reply } from '../core/reply.js'
import { readAuthors } from '../message/authors.js'
import type { MessageHeader } from '../message/header.js'
import { replies } from '../smtp/reply.js'
import { serverReplies } from './replies.js'
import type { Session } from './session.js'

/** Whether the account of a session, if it has one, may send with an address. Rejects when the accounts fail. */
export async function mayAccountSendAs(session: Session, address: Address): Promise<boolean> {
  const { account } = session
  if (account?.maySendAs === undefined) return true
  return (await session.handlers.ask('accounts', async () => account.maySendAs?.(address))) === true
}

/** Whether there is somebody whose authors are to be looked at. */
export function checksAuthor({ account, server }: Session): boolean {
  return account?.maySendAs !== undefined && server.settings.checkAuthor
}

/** What a client hears whose account may not send as every author of a message, or where readers would not agree on them. */
export async function refuseAuthor(session: Session, header: MessageHeader): Promise<Reply | undefined> {
  const authors = readAuthors(header)
  if (!authors) return serverReplies.authorNotYours
  try {
    for (const author of authors) {
      if (!(await mayAccountSendAs(session, author))) return serverReplies.authorNotYours
    }
    return undefined
  } catch (error) {
    session.handlers.failed('accounts', error)
    return replies.localError
  }
}
