export type {
  Account,
  Accounts,
  CatchAllAccounts,
  Credentials,
  Destination,
  Quota,
} from './accounts/accounts.js'
export { createAccounts, type StaticAccounts } from './accounts/static/create-accounts.js'
export type { AccountsOptions, SendAs, UserOptions } from './accounts/static/options.js'
export { hashPassword, type ScryptCost } from './accounts/static/password-hash.js'
export { type Address, displayAddress, formatAddress, parseAddress } from './core/address.js'
export { type Clock, systemClock, type Timer } from './core/clock.js'
export { displayDomain, normalizeDomain } from './core/domain.js'
export type { Duration } from './core/duration.js'
export type { DsnCondition, Envelope, EnvelopeRecipient } from './core/envelope.js'
export { MailError, type MailErrorCode, type MailErrorOptions, mailErrorCodes } from './core/error.js'
export type { Events } from './core/events.js'
export type { Closable, CloseOptions } from './core/lifecycle.js'
export type { Logger } from './core/logger.js'
export {
  createLoginThrottle,
  type LoginAttempt,
  type LoginThrottle,
  type LoginThrottleOptions,
} from './core/login-throttle.js'
export {
  type AddressedNetwork,
  type ConnectionHandler,
  type ConnectOptions,
  type Listener,
  type ListenOptions,
  type Network,
  nodeNetwork,
  type Peer,
} from './core/network.js'
export type { Reply } from './core/reply.js'
export type { TlsOptions } from './core/tls-credentials.js'
export { createMailServer } from './create-mail-server.js'
export {
  createFunctionTransport,
  type FunctionTransportOptions,
  type HandlerOutcome,
  type HandlerResult,
} from './delivery/create-function-transport.js'
export { createLmtpTransport } from './delivery/create-lmtp-transport.js'
export { createMxTransport } from './delivery/create-mx-transport.js'
export {
  createRoutedTransport,
  type DomainWay,
  type RoutedTransportOptions,
  type RouteQuestion,
} from './delivery/create-routed-transport.js'
export { createSmarthostTransport } from './delivery/create-smarthost-transport.js'
export {
  createWebhookTransport,
  type WebhookTransportOptions,
  webhookOutcome,
} from './delivery/create-webhook-transport.js'
export type {
  AttemptLimits,
  ConnectionOptions,
  MtaStsOptions,
  MxTransportOptions,
  OutboundTimeouts,
  OutboundTls,
  OutboundTlsOptions,
} from './delivery/options.js'
export type {
  LmtpTransportOptions,
  RelayTransportOptions,
  SmarthostServer,
  SmarthostTransportOptions,
} from './delivery/relay-options.js'
export type {
  PasswordCredentials,
  SmtpCredentials,
  TokenCredentials,
  TokenRequest,
} from './delivery/smtp-client/authenticate.js'
export type { ReportedPolicy, TlsResult } from './delivery/tls-policy/host-tls.js'
export { storedStsCache } from './delivery/tls-policy/stored-sts-cache.js'
export type { CachedStsPolicy, StsCache } from './delivery/tls-policy/sts-cache.js'
export type { StsPolicy } from './delivery/tls-policy/sts-policy.js'
export type { TlsProblem, TlsProblemKind } from './delivery/tls-policy/tls-problem.js'
export {
  createTlsReports,
  type TlsReports,
  type TlsReportsOptions,
} from './delivery/tls-report/create-tls-reports.js'
export type { Delivery, RecipientOutcome, Transport } from './delivery/transport.js'
export { type VerifyWebhookOptions, verifyWebhook } from './delivery/webhook-signature.js'
export { createDnsResolver, type DnsResolverOptions } from './dns/create-dns-resolver.js'
export type { QuestionType, RecordData } from './dns/record.js'
export { RecordResolver } from './dns/record-resolver.js'
export type {
  AddressLookupOptions,
  AddressRecord,
  AliasResolver,
  DnsAnswer,
  DnsFailure,
  DnsFound,
  DnsNotFound,
  LookupOptions,
  MxRecord,
  Resolver,
  RevisedResolver,
  TlsaRecord,
} from './dns/resolver.js'
export type { SystemResolverOptions } from './dns/system/options.js'
export type { DnsCacheOptions, WireResolverOptions } from './dns/wire/options.js'
export { createDnsZone, type DnsZone } from './dns/zone/create-dns-zone.js'
export type { DnsSilence, DnsZoneOptions } from './dns/zone/options.js'
export type { ZoneEntry } from './dns/zone/zone-entry.js'
export type { DsnKind } from './dsn/dsn.js'
export { parseDsn } from './dsn/parse-dsn.js'
export type { ParsedDsn, ParsedDsnRecipient, TypedAddress } from './dsn/read-delivery-status.js'
export type {
  BoundListeners,
  MailServer,
  MailServerListeners,
  MailServerOptions,
  ServiceAddress,
} from './mail-server.js'
export { exactChunks } from './message/exact-chunks.js'
export { type HeaderField, type MessageHeader, readHeader } from './message/header.js'
export type { ByteRange, MessageSource } from './message/message-source.js'
export { parseMessage } from './message/parse-message.js'
export type { Attachment, MailAddress, ParsedMessage } from './message/parsed-message.js'
export { bytesSource, concatSources, readAll } from './message/sources.js'
export type { Policy, PolicyAnswer, SmtpSession, Verdict } from './policy/policy.js'
export type { PolicyPhase } from './policy/run-policies.js'
export { createPop3Server, type Pop3ListenOptions, type Pop3Server } from './pop3/create-pop3-server.js'
export type { LoginRefusal, Pop3ServerEvents, SessionEnd } from './pop3/events.js'
export type { Pop3ServerOptions } from './pop3/options.js'
export type { Arrival } from './queue/arrival.js'
export { createDeliveryQueue } from './queue/create-delivery-queue.js'
export type { DeliveryQueue } from './queue/delivery-queue.js'
export type { DeliveryQueueEvents, RecipientEvent } from './queue/events.js'
export {
  createSuppressionList,
  type MemorySuppressionList,
} from './queue/operation/create-suppression-list.js'
export type { EndedRecipient, HistoryFilter } from './queue/operation/ended-recipients.js'
export type { HoldQuestion, HoldRule } from './queue/operation/hold-rules.js'
export type { SiteStatus } from './queue/operation/site-status.js'
export type {
  DestinationStatistics,
  QueueStatistics,
  SiteStatistics,
  StatisticsOptions,
} from './queue/operation/statistics.js'
export {
  type StoredSuppressionList,
  type StoredSuppressionListOptions,
  storedSuppressionList,
} from './queue/operation/stored-suppression-list.js'
export type { Suppression, SuppressionList } from './queue/operation/suppression-list.js'
export type { ConcurrencyOptions, DeliveryQueueOptions } from './queue/options.js'
export type { OutgoingAttachment, OutgoingMessage, SentMessage } from './queue/outgoing-message.js'
export { commonReplyRules } from './queue/retry/common-reply-rules.js'
export { type EximRule, type EximRulesOptions, eximRules } from './queue/retry/exim-rules.js'
export { exponentialBackoff, fiveDays, thirtyHours } from './queue/retry/exponential-backoff.js'
export { fixedSchedule } from './queue/retry/fixed-schedule.js'
export type { ExpiryOptions, ExponentialBackoffOptions, FixedScheduleOptions } from './queue/retry/options.js'
export {
  type ReplyRule,
  type RetryByReplyOptions,
  retryByReply,
} from './queue/retry/retry-by-reply.js'
export type {
  ReconsideringRetryPolicy,
  RetryContext,
  RetryDecision,
  RetryPolicy,
} from './queue/retry/retry-policy.js'
export type { DeliveryLimits, Rate, SiteLimits, SiteQuestion } from './queue/sites/options.js'
export { createSrs } from './return-path/create-srs.js'
export { createVerp } from './return-path/create-verp.js'
export type { SrsOptions, VerpOptions } from './return-path/options.js'
export type { SignedReturn, Srs, Verp } from './return-path/return-path.js'
export { createRouter } from './routing/create-router.js'
export type { RouterOptions } from './routing/options.js'
export type { LocalTarget, Route, Router } from './routing/router.js'
export { createArcSealer } from './signing/create-arc-sealer.js'
export { createDkimSigner } from './signing/create-dkim-signer.js'
export type { MessageSigner, SigningRequest } from './signing/message-signer.js'
export type { ArcSealerOptions, DkimKey, DkimSignerOptions } from './signing/options.js'
export { createSmtpServer } from './smtp-server/create-smtp-server.js'
export type {
  AuthFailed,
  HandlerFailed,
  MessageAccepted,
  MessageRejected,
  ReceiptTimes,
  RecipientRejected,
  SessionAuthenticated,
  SessionClosed,
  SessionEvent,
  SessionLine,
  SessionRefused,
  SessionSecured,
  SmtpServerEvents,
} from './smtp-server/events.js'
export type {
  SmtpLimits,
  SmtpListenOptions,
  SmtpServerOptions,
  SmtpSpoolOptions,
  SmtpTimeouts,
} from './smtp-server/options.js'
export type { SmtpServer } from './smtp-server/smtp-server.js'
export type { BlobStorage } from './storage/blob-storage.js'
export { ChangeListeners } from './storage/change-listeners.js'
export { chooseDue } from './storage/choose-due.js'
export {
  type EntryStanding,
  expireEntry,
  giveBackEntry,
  holdEntry,
  type Lease,
  leaseEntry,
  releaseEntry,
  settleEntry,
} from './storage/entry-standing.js'
export type { LockStorage } from './storage/lock-storage.js'
export type {
  AccountsQuery,
  CopiedMessage,
  FlagChange,
  FlagResult,
  LocalCopy,
  MailboxId,
  MailboxRecord,
  MailStorage,
  MessageOutline,
  MessageQuery,
  MessageRecord,
  OutliningMailStorage,
  StoredCopy,
  UidRange,
  Usage,
} from './storage/mail-storage.js'
export { inUidRanges } from './storage/mail-storage.js'
export {
  compareMailboxNames,
  mailboxExists,
  mailboxesAbove,
  noSuchMailbox,
  renamedMailboxes,
} from './storage/mailbox-names.js'
export { memoryStorage } from './storage/memory/memory-storage.js'
export type { MemoryStorageOptions } from './storage/memory/options.js'
export { changeFlags, sortFlags } from './storage/message-flags.js'
export type {
  AttemptRecord,
  DestinationGroup,
  LeasedEntry,
  LeaseRef,
  LeaseRequest,
  QueueCounts,
  QueuedMessage,
  QueuedRecipient,
  QueueEntry,
  QueueFilter,
  QueueState,
  QueueStorage,
  SettledEntry,
  Settlement,
  SettleResult,
} from './storage/queue-storage.js'
export {
  addAttempt,
  fitsQueueFilter,
  LeaseBudget,
  longestHistory,
  mostPerTransaction,
  newQueueEntries,
  senderOf,
} from './storage/queue-storage.js'
export type { NewRecord, RecordQuery, RecordStorage, StoredRecord } from './storage/record-storage.js'
export { largestRecord } from './storage/record-storage.js'
export type { AcceptBatch, AcceptResult, BlobId, Storage, StorageChange } from './storage/storage.js'
export { StorageLifetime } from './storage/storage-lifetime.js'
export { createMailStore } from './store/create-mail-store.js'
export type { MailStoreEvents } from './store/events.js'
export type {
  AppendOptions,
  ChangesOptions,
  Mailbox,
  MailboxLock,
  MailStore,
  MailStoreOptions,
  StoreChange,
  Uids,
} from './store/mail-store.js'
export type {
  Retention,
  RetentionFailure,
  RetentionLimits,
  RetentionRemoval,
  RetentionResult,
  RetentionRule,
} from './store/retention/retention.js'
