import { expect, it } from 'vitest'
import { parseHeader } from '../../../src/message/header.js'
import { lintMessage } from '../../../src/testing/messages/lint-message.js'

const right: readonly string[] = [
  'From: Ann <a@app.test>',
  'To: b@x.test',
  'Date: Fri, 27 Nov 2026 10:00:00 +0100',
  'Message-ID: <1@app.test>',
  'Subject: Hello',
]
const without = (name: string) => right.filter(line => !line.startsWith(`${name}:`))
const oneClick = [
  'List-Unsubscribe: <https://app.test/leave>',
  'DKIM-Signature: v=1; d=app.test; s=s; h=From:List-Unsubscribe:List-Unsubscribe-Post; bh=x; b=x',
]

function rulesBroken(fields: readonly string[], { body = 'Hello\r\n', smtputf8 = false } = {}): string[] {
  const raw = Buffer.from(`${fields.join('\r\n')}\r\n\r\n${body}`)
  return lintMessage({ header: parseHeader(raw), raw, smtputf8 }).map(({ rule }) => rule)
}

const longWord = `=?utf-8?Q?${'=C3=A4'.repeat(12)}?=`

it.each([
  ['nothing in a right one', right, []],
  ['Date', without('Date'), ['date-missing']],
  ['From', without('From'), ['from-missing']],
  ['Message-ID', without('Message-ID'), ['message-id-missing']],
  ['an empty field', [...without('To'), 'To: '], ['field-empty']],
  ['a line that is no field', [...right, 'what is this'], ['field-form']],
  ['octets that are no ASCII', [...right, 'Comments: Grüße'], ['header-not-ascii']],
  ['a long encoded word', [...without('Subject'), `Subject: ${longWord}`], ['encoded-word-too-long']],
  ['another one-click', [...right, ...oneClick, 'List-Unsubscribe-Post: yes'], ['one-click-form']],
  [
    'nothing in a right one-click',
    [...right, ...oneClick, 'List-Unsubscribe-Post: List-Unsubscribe=One-Click'],
    [],
  ],
  ['several authors with a Sender', [...without('From'), 'From: a@x.test, b@x.test', 'Sender: a@x.test'], []],
])('lint finds what is wrong: %s', (_what, fields, rules) => {
  expect(rulesBroken(fields)).toEqual(rules)
})

it.each(['a\nb\r\n', 'a\rb\r\n', 'a\r\r\n'])('lint finds line breaks that stand alone: %j', body => {
  expect(rulesBroken(right, { body })).toEqual(['bare-line-break'])
})

it('lint lets UTF-8 pass by SMTPUTF8', () => {
  expect(rulesBroken([...right, 'Comments: Grüße'], { smtputf8: true })).toEqual([])
})
