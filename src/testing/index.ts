export type { FakeTimers } from '../core/fake-timers.js'
export { createSimulatedNetwork, type SimulatedNetwork } from '../core/simulated-network.js'
export { createVirtualClock, type VirtualClock, type VirtualClockOptions } from '../core/virtual-clock.js'
export type { Authority, AuthorityAnswer } from '../dns/authority.js'
export type { RecordType, ResourceRecord } from '../dns/record.js'
export {
  createDnsServer,
  type DnsListenOptions,
  type DnsServer,
  type DnsServerAddress,
} from '../dns/server/create-dns-server.js'
export type { DnsServerOptions } from '../dns/server/options.js'
export { createTestInternet } from './internet/create-test-internet.js'
export type { DnsFault, InternetDns } from './internet/internet-dns.js'
export type { TestInternetOptions } from './internet/options.js'
export { gmail, outlook, yahoo } from './internet/profiles.js'
export type { ProviderCondition, ProviderProfile, ProviderRule } from './internet/provider-profile.js'
export type {
  CertificateFault,
  HostOptions,
  InternetServer,
  MtaStsPolicy,
  Place,
  ProviderOptions,
  ScriptedHost,
  ServerOptions,
  TestInternet,
} from './internet/test-internet.js'
export type { KeptMailbox, KeptMessage, MailState } from './isolation/mail-state.js'
export type { KeptEntry } from './isolation/queue-state.js'
export type { SeedMessage, SeedOptions } from './isolation/seed.js'
export type { Tenant } from './isolation/tenant.js'
export { type MailMatchers, type MatcherResult, mailMatchers } from './matchers/mail-matchers.js'
export type { ForwardOptions, ReplyOptions } from './messages/answer-message.js'
export type { CalendarEvent, CalendarPart } from './messages/calendar.js'
export type { MessageLink } from './messages/links.js'
export type { LintProblem } from './messages/lint-message.js'
export type { ListUnsubscribe } from './messages/list-unsubscribe.js'
export type { MessageContext } from './messages/message-context.js'
export type { MessageSession } from './messages/message-session.js'
export type { TestMessage } from './messages/test-message.js'
export type { DkimVerdict, DmarcVerdict, Verdicts } from './messages/verdicts.js'
export type { Arrival } from './recording/arrival.js'
export type { RecordedSession, Refusal, TranscriptLine } from './recording/session-log.js'
export { createScriptedServer } from './remote/create-scripted-server.js'
export type { FluentRule } from './remote/fluent-rule.js'
export type { GreylistOptions } from './remote/greylist.js'
export type { ScriptedServerOptions } from './remote/options.js'
export type { PeerTls, ReceivedMessage } from './remote/peer-server.js'
export type { CountedBy, Matcher } from './remote/rule.js'
export type { Occasion, Script, ScriptPoint, Step, Steps } from './remote/script.js'
export type { ScriptedPeer } from './remote/scripted-peer.js'
export type { RulePoints, ScriptedServer } from './remote/scripted-server.js'
export type { TlsFault } from './remote/tls-fault.js'
export type { NodemailerSettings, ServiceSettings, SmtpSettings } from './test-mail/connection-settings.js'
export { createTestMail } from './test-mail/create-test-mail.js'
export type { RouteTarget } from './test-mail/locals.js'
export type { TestMailOptions, TestMailPorts } from './test-mail/options.js'
export {
  createTestCertificate,
  type TestCertificate,
  type TestCertificateOptions,
} from './test-mail/test-certificate.js'
export type { TestMail } from './test-mail/test-mail.js'
export type { MessageCriteria, MessageMatch, TextMatch } from './waiting/criteria.js'
export type { CountOptions, Cursor, Inbox, WaitOptions } from './waiting/inbox.js'
