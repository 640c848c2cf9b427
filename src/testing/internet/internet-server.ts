import { createAccounts } from '../../accounts/static/create-accounts.js'
import { createMailServer } from '../../create-mail-server.js'
import type { MailServerListeners } from '../../mail-server.js'
import type { TestCertificate } from '../test-mail/test-certificate.js'
import type { InternetServer, Place, ServerOptions } from './test-internet.js'

const usualListeners: MailServerListeners = {
  smtp: { port: 25 },
  submission: { port: 587 },
  pop3: { port: 110 },
}

/** Makes a posthorn server for one domain at a place; opens nothing. */
export function createInternetServer(
  domain: string,
  { hostname, address, network, resolver, clock }: Place,
  options: ServerOptions & { random: () => number; tls: TestCertificate; ca: string },
): InternetServer {
  const users = (options.users ?? ['postmaster']).map(name => ({
    name,
    password: `${name}-password`,
    addresses: [`${name}@${domain}`],
  }))
  const server = createMailServer({
    hostname,
    domains: [domain],
    accounts: createAccounts({ users, aliases: options.aliases ?? {} }),
    resolver,
    network,
    clock,
    tls: options.tls,
    ...options.server,
    queue: {
      random: options.random,
      ...options.server?.queue,
      delivery: { tlsOptions: { ca: options.ca }, ...options.server?.queue?.delivery },
    },
  })
  return {
    ...server,
    domain,
    address,
    up: async () => {
      await server.listen(options.listen || usualListeners)
    },
    inbox: async user => {
      const mailbox = await server.store.mailbox(user)
      return Promise.all((await mailbox.list()).map(message => mailbox.parse(message)))
    },
  }
}
