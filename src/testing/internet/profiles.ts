import type { ProviderProfile } from './provider-profile.js'

const common = ['PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES', 'STARTTLS']

/** Gmail: sender guidelines since February 2024. */
export const gmail: ProviderProfile = {
  name: 'gmail',
  domains: ['gmail.com', 'googlemail.com'],
  exchangers: ['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com'],
  extensions: [...common, 'SIZE 157286400', 'CHUNKING', 'SMTPUTF8'],
  sources: [
    'https://support.google.com/a/answer/81126',
    'https://knowledge.workspace.google.com/admin/support/troubleshooting/gmail-smtp-errors-and-codes',
  ],
  rules: [
    {
      name: 'no-such-user',
      at: 'rcpt',
      code: 550,
      text: ['5.1.1 The email account that you tried to reach does not exist.'],
    },
    {
      name: 'over-rate',
      at: 'mail',
      limit: { count: 100, per: '1m' },
      code: 421,
      text: ['4.7.28 Unusual rate of mail from your IP address {ip}; it is temporarily rate limited.'],
    },
    {
      name: 'no-reverse-name',
      at: 'message',
      code: 421,
      text: ['4.7.23 The sending IP address {ip} has no PTR record; its mail is rate limited.'],
    },
    {
      name: 'not-rfc-5322',
      at: 'message',
      code: 550,
      text: ['5.7.1 This message is not RFC 5322 compliant.'],
    },
    {
      name: 'unauthenticated',
      at: 'message',
      code: 550,
      text: [
        '5.7.26 Mail from this sender is blocked, because it is unauthenticated.',
        '5.7.26 Gmail requires SPF or DKIM.',
      ],
    },
    {
      name: 'bulk-without-dmarc',
      at: 'message',
      limit: { count: 5000, per: '1d' },
      code: 421,
      text: ['4.7.40 Bulk mail was rate limited, because the From domain has no DMARC record.'],
    },
    {
      name: 'bulk-without-dkim',
      at: 'message',
      limit: { count: 5000, per: '1d' },
      code: 421,
      text: ['4.7.30 Bulk mail was rate limited, because DKIM did not pass.'],
    },
  ],
}

/** Outlook.com, Hotmail and Live: requirements for high volume senders since May 2025. */
export const outlook: ProviderProfile = {
  name: 'outlook',
  domains: ['outlook.com', 'hotmail.com', 'live.com'],
  exchangers: ['outlook-com.olc.protection.outlook.com'],
  extensions: [...common, 'SIZE 49283072', 'CHUNKING', 'SMTPUTF8'],
  sources: [
    'https://sendersupport.olc.protection.outlook.com/pm/troubleshooting.aspx',
    'https://techcommunity.microsoft.com/blog/microsoftdefenderforoffice365blog/strengthening-email-ecosystem-outlook%E2%80%99s-new-requirements-for-high%E2%80%90volume-senders/4399730',
  ],
  rules: [
    {
      name: 'too-many-connections',
      at: 'connect',
      limit: { count: 10, per: '1m' },
      code: 421,
      text: ['RP-002 (OLC) Too many connections from {ip}, try again later.'],
    },
    {
      name: 'over-rate',
      at: 'mail',
      limit: { count: 60, per: '1m' },
      code: 451,
      text: ['4.7.650 The mail server {ip} has been temporarily rate limited due to IP reputation. (S775)'],
    },
    {
      name: 'no-such-user',
      at: 'rcpt',
      code: 550,
      text: ['5.5.0 Requested action not taken: mailbox unavailable.'],
    },
    {
      name: 'bulk-without-dmarc',
      at: 'message',
      limit: { count: 5000, per: '1d' },
      code: 550,
      text: ['5.7.515 Access denied, sending domain does not meet the required authentication level.'],
    },
  ],
}

/** Yahoo and AOL: sender requirements since February 2024, and the deferrals they are known for. */
export const yahoo: ProviderProfile = {
  name: 'yahoo',
  domains: ['yahoo.com', 'aol.com'],
  exchangers: ['mta5.am0.yahoodns.net', 'mta6.am0.yahoodns.net'],
  extensions: [...common, 'SIZE 41943040'],
  sources: ['https://senders.yahooinc.com/smtp-error-codes/', 'https://senders.yahooinc.com/best-practices/'],
  rules: [
    {
      name: 'over-rate',
      at: 'mail',
      limit: { count: 60, per: '1m' },
      code: 421,
      text: [
        '4.7.0 [TSS04] Messages from {ip} temporarily deferred due to unexpected volume or user complaints',
      ],
    },
    {
      name: 'no-such-user',
      at: 'message',
      code: 554,
      text: ['delivery error: this user does not have a yahoo.com account'],
    },
    {
      name: 'unauthenticated',
      at: 'message',
      code: 554,
      text: ['5.7.9 Message not accepted for policy reasons'],
    },
    {
      name: 'not-rfc-5322',
      at: 'message',
      code: 554,
      text: ['Message not allowed - Headers are not RFC compliant [291]'],
    },
  ],
}
