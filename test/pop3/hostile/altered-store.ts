import type { Mailbox, MailStore } from '../../../src/store/mail-store.js'

/** A store whose mailboxes do some things differently. */
export function withMailbox(store: MailStore, alter: (mailbox: Mailbox) => Partial<Mailbox>): MailStore {
  return altered(store, {
    mailbox: async (account, name) => {
      const mailbox = await store.mailbox(account, name)
      return altered(mailbox, alter(mailbox))
    },
  })
}

/** An object that does some things differently and all others as `whole` does them. */
export function altered<T extends object>(whole: T, changes: Partial<T>): T {
  return new Proxy(whole, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return changes[name as keyof T]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
