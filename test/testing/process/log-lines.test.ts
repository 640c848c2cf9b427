import { describe, expect, it } from 'vitest'
import { readableLine } from '../../../src/testing/process/log-lines.js'

const time = Date.UTC(2026, 0, 1, 12, 0, 1)

describe('a line of the log', () => {
  it.each([
    [
      {
        event: 'message:accepted',
        traceId: 't',
        sender: 'a@x.test',
        recipients: ['b@y.test', 'c@y.test'],
        size: 12,
      },
      '12:00:01 message:accepted a@x.test -> b@y.test, c@y.test (12 octets)',
    ],
    [
      { event: 'recipient:failed', traceId: 't', sender: '', recipient: 'b@y.test', reply: '550 5.1.1 No' },
      '12:00:01 recipient:failed <> -> b@y.test : 550 5.1.1 No',
    ],
    [
      { event: 'dsn:sent', traceId: 't', kind: 'failed', to: 'a@x.test', recipients: ['b@y.test'] },
      '12:00:01 dsn:sent {"traceId":"t","kind":"failed","to":"a@x.test","recipients":["b@y.test"]}',
    ],
    [
      { event: 'auth:failed', traceId: 't', username: 'eve\u001b[31m', mechanism: 'PLAIN' },
      '12:00:01 auth:failed {"traceId":"t","username":"eve\\u001b[31m","mechanism":"PLAIN"}',
    ],
  ])('%j', (event, line) => {
    expect(readableLine({ time, ...event })).toBe(line)
  })
})
