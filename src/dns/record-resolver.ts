import { describeError, MailError } from '../core/error.js'
import { escapeControls } from '../core/logger.js'
import { dnsName, reverseName } from './dns-name.js'
import type { QuestionType, RecordData } from './record.js'
import type {
  AddressLookupOptions,
  AddressRecord,
  AliasResolver,
  DnsAnswer,
  DnsFailure,
  DnsFound,
  LookupOptions,
  MxRecord,
  TlsaRecord,
} from './resolver.js'

/**
 * The front of every resolver: makes names clean, both address families one answer, and what a driver throws a
 * temporary failure. A driver answers one question for records of one type, and stays small.
 */
export abstract class RecordResolver implements AliasResolver {
  /**
   * Asks for the records of one type, aliases followed, unless it is those that are asked for.
   * @param name - in A-labels, lower case, without trailing dot
   * @param signal - tells that nobody waits any more; the front rejects with `ABORTED` by itself
   */
  protected abstract ask<Type extends QuestionType>(
    name: string,
    type: Type,
    signal: AbortSignal | undefined,
  ): Promise<DnsAnswer<RecordData[Type]>>

  abstract close(): Promise<void>

  mx(domain: string, options?: LookupOptions): Promise<DnsAnswer<MxRecord>> {
    return this.#lookup(dnsName(domain), 'MX', options)
  }

  txt(name: string, options?: LookupOptions): Promise<DnsAnswer<string>> {
    return this.#lookup(dnsName(name), 'TXT', options)
  }

  tlsa(name: string, options?: LookupOptions): Promise<DnsAnswer<TlsaRecord>> {
    return this.#lookup(dnsName(name), 'TLSA', options)
  }

  ptr(address: string, options?: LookupOptions): Promise<DnsAnswer<string>> {
    return this.#lookup(reverseName(address), 'PTR', options)
  }

  alias(name: string, options?: LookupOptions): Promise<DnsAnswer<string>> {
    return this.#lookup(dnsName(name), 'CNAME', options)
  }

  async addresses(host: string, options?: AddressLookupOptions): Promise<DnsAnswer<AddressRecord>> {
    const name = dnsName(host)
    const families = options?.family === undefined ? ([6, 4] as const) : [options.family]
    const answers = await Promise.all(
      families.map(async family =>
        withFamily(await this.#lookup(name, family === 6 ? 'AAAA' : 'A', options), family),
      ),
    )
    return joinFamilies(answers)
  }

  async #lookup<Type extends QuestionType>(
    name: string | undefined,
    type: Type,
    options: LookupOptions = {},
  ): Promise<DnsAnswer<RecordData[Type]>> {
    if (options.signal?.aborted) throw abortedLookup()
    if (name === undefined) return { status: 'not-found', reason: 'nxdomain', ttl: 0, secure: false }
    try {
      return await untilAborted(this.ask(name, type, options.signal), options.signal)
    } catch (thrown) {
      if (thrown instanceof MailError) throw thrown
      const detail = `the resolver threw: ${escapeControls(describeError(thrown))}`
      return { status: 'temporary-failure', reason: 'servfail', detail }
    }
  }
}

/** The error of a lookup that its caller gave up. */
export function abortedLookup(): MailError {
  return new MailError('ABORTED', 'the lookup was aborted', { temporary: true })
}

/** The error of a lookup by a resolver that was closed. */
export function closedResolver(): MailError {
  return new MailError('CLOSED', 'the resolver was closed')
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const abort = () => reject(abortedLookup())
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function withFamily(answer: DnsAnswer<string>, family: 4 | 6): DnsAnswer<AddressRecord> {
  if (answer.status !== 'found') return answer
  return { ...answer, records: answer.records.map(address => ({ address, family })) }
}

/** One family missing is no failure; one failing is, unless the other has addresses. */
function joinFamilies(answers: readonly DnsAnswer<AddressRecord>[]): DnsAnswer<AddressRecord> {
  const found = answers.filter((answer): answer is DnsFound<AddressRecord> => answer.status === 'found')
  if (found.length > 0) {
    const canonical = found.find(answer => answer.canonical !== undefined)?.canonical
    return {
      status: 'found',
      records: found.flatMap(answer => answer.records),
      ttl: Math.min(...found.map(answer => answer.ttl)),
      secure: found.every(answer => answer.secure),
      ...(canonical !== undefined && { canonical }),
    }
  }
  const failure = answers.find((answer): answer is DnsFailure => answer.status === 'temporary-failure')
  if (failure) return failure
  const absent = answers.filter(answer => answer.status === 'not-found')
  return {
    status: 'not-found',
    reason: absent.every(answer => answer.reason === 'nxdomain') ? 'nxdomain' : 'nodata',
    ttl: Math.min(...absent.map(answer => answer.ttl)),
    secure: absent.every(answer => answer.secure),
  }
}
