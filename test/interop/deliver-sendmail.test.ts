import { describeWith } from '../testing-tools/tools.js'
import { describeReports } from './foreign-reports.js'
import { sendmail, startSendmail } from './sendmail.js'
import { root } from './server-process.js'

describeWith([sendmail, root], 'Sendmail', () => {
  describeReports(
    'sendmail',
    startSendmail,
    {
      failed: ['nobody@oslo.test', 'eve@oslo.test'],
      delayed: ['later@oslo.test'],
      relayed: ['dora@oslo.test'],
    },
    '/run',
  )
})
