import type { TestMessage } from '../../messages/test-message.js'

/** A message in a list. */
export function summaryOf(message: TestMessage): object {
  const { number, traceId, receivedAt, sender, recipients, subject, from, to, cc, messageId, raw } = message
  return {
    number,
    id: traceId,
    receivedAt,
    sender,
    recipients,
    subject,
    from,
    to,
    cc,
    ...(messageId !== undefined && { messageId }),
    size: raw.length,
    attachments: message.attachments.length,
  }
}

/** All that is known of a message but its octets. */
export function detailsOf(message: TestMessage): object {
  const { session, header, text, html, replyTo, attachments } = message
  return {
    ...summaryOf(message),
    replyTo,
    headers: header.fields.map(({ name, value }) => ({ name, value })),
    text,
    html,
    attachments: attachments.map(({ filename, contentType, content, contentId }) => ({
      ...(filename !== undefined && { filename }),
      contentType,
      ...(contentId !== undefined && { contentId }),
      size: content.length,
    })),
    ...(session && {
      session: {
        helo: session.helo,
        remoteAddress: session.remoteAddress,
        ...(session.tls && { tls: session.tls }),
        ...(session.user !== undefined && { user: session.user }),
      },
    }),
  }
}
