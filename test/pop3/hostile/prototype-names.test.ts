import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import { pop3 } from '../dialogue.js'

const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf']

describe('names that objects have of their own', () => {
  it('are no commands, mechanisms or languages', async () => {
    const { connect } = await pop3({ maxErrors: 100 })
    const client = await connect()
    for (const name of names) {
      expect(await client.ask(name)).toBe('-ERR Unknown command')
      expect(await client.ask(`AUTH ${name}`)).toBe('-ERR No such mechanism')
      expect(await client.ask(`LANG ${name}`)).toBe('-ERR No such language')
    }
  })

  it('are users like others', async () => {
    const clock = createVirtualClock()
    const accounts = {
      authenticate: async ({ username, password }: { username: string; password: string }) =>
        password === 'secret' ? { id: username } : undefined,
    }
    const { connect, store } = await pop3({ accounts, clock, loginDelay: '1m' })
    for (const name of names) {
      expect(await (await connect()).login(name, 'wrong')).toMatch(/^-ERR \[AUTH\]/)
      await store.append(name, `Subject: ${name}\r\n`)
      const client = await connect()
      expect(await client.login(name)).toMatch(/^\+OK 1 /)
      expect(await client.askMany('RETR 1')).toEqual([`Subject: ${name}`])
    }
  })
})
