import type { ReplyRule } from './retry-by-reply.js'

/** What large receivers are known to mean by their replies, for {@link retryByReply}; to be added to. */
export const commonReplyRules: readonly ReplyRule[] = [
  // Gmail refuses for good, over IPv6, what it takes over IPv4 from a host without PTR record.
  { text: /ipv6 sending guidelines|ipv6.{0,80}(?:ptr|reverse dns)/i, means: 'other-family' },
  // Gmail's 4.7.28 and 4.7.0, Yahoo's TSS, Outlook's 4.7.500 to 4.7.850.
  {
    code: '4xx',
    text: /rate.?limit|unusual rate|too many (?:connections|messages|recipients|concurrent)|throttl|slow down|\[TSS?\d\d\]|\b4\.7\.(?:28|5\d\d|6\d\d|7\d\d|8\d\d)\b/i,
    means: 'slow-down',
  },
  // A full mailbox may be emptied (RFC 3463 §3.3 leaves X.2.2 persistent), greylisting ends.
  {
    code: '5xx',
    text: /\b5\.2\.2\b|over ?quota|mailbox (?:is )?full|quota exceeded|greylist/i,
    means: 'retry',
  },
  {
    code: '5xx',
    text: /try again later|temporar(?:y|ily) (?:unavailable|failure|error|deferred)/i,
    means: 'retry',
  },
  // An account that was closed does not come back, whatever class its code is of.
  {
    code: '4xx',
    text: /\b(?:account|mailbox|user|domain) (?:no longer exists|has been (?:closed|deleted|deactivated|discontinued))/i,
    means: 'fail',
  },
]
