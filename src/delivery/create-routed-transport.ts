import { z } from 'zod'
import { tryParseAddress } from '../core/address.js'
import type { EnvelopeRecipient } from '../core/envelope.js'
import { describeError } from '../core/error.js'
import { functionSchema, lazy, parseOptions, shapeSchema } from '../core/options.js'
import type { Delivery, RecipientOutcome, Transport } from './transport.js'
import { unlessAborted } from './unless-aborted.js'
import { localVerdict } from './verdict.js'

/** Options of `createRoutedTransport`. */
export interface RoutedTransportOptions<Name extends string = string> {
  /** The ways out, by names of one's own; closed with this transport. */
  transports: Readonly<Record<Name, Transport>>
  /**
   * Names the way of one recipient; `undefined` for that of `otherwise`. What it throws, and a name that there is not,
   * defer the recipient.
   */
  route: (question: RouteQuestion) => DomainWay<NoInfer<Name>> | Promise<DomainWay<NoInfer<Name>>>
  /**
   * The usual way: of recipients that `route` names none for, and, without `routeOfDomain`, that by which the queue tells
   * which domains are one site. Default: there is none.
   */
  otherwise?: NoInfer<Name>
  /**
   * Names the way that all mail of a domain takes, so that the queue holds its limits and its back-off for the site
   * behind that way; `undefined` for a domain whose recipients take several. Asked for a domain every few minutes. Default:
   * `otherwise`, and without that every domain is a site of its own.
   */
  routeOfDomain?: (domain: string) => DomainWay<NoInfer<Name>> | Promise<DomainWay<NoInfer<Name>>>
}

/** The way of a domain, where it has one. */
export type DomainWay<Name extends string = string> = Name | undefined

/** Who a way is asked for. */
export interface RouteQuestion {
  /** The recipient's address. */
  readonly recipient: string
  /** Its domain in A-labels, or an address literal. */
  readonly domain: string
  /** The sender's address, `''` for a bounce. */
  readonly sender: string
  readonly traceId: string
  /** Attempts begun, this one included: a later one may go another way. */
  readonly attempt: number
}

const schema = lazy(() =>
  z
    .strictObject({
      transports: z.record(z.string(), shapeSchema<Transport>('a transport', ['deliver', 'close'])),
      route: functionSchema<RoutedTransportOptions['route']>('a function'),
      otherwise: z.string().optional(),
      routeOfDomain:
        functionSchema<NonNullable<RoutedTransportOptions['routeOfDomain']>>('a function').optional(),
    })
    .refine(({ otherwise, transports }) => otherwise === undefined || Object.hasOwn(transports, otherwise), {
      path: ['otherwise'],
      error: 'expected the name of a transport',
    }),
)

/**
 * Creates a transport that chooses among others, for each recipient and at each attempt. Recipients of one message that
 * go the same way stay together. The queue goes on grouping by the domain of the recipient, so that what waits in it can
 * take another way tomorrow; `otherwise` or `routeOfDomain` tell it which domains share a site.
 * @throws MailError `OPTION_INVALID`.
 */
export function createRoutedTransport<Name extends string>(options: RoutedTransportOptions<Name>): Transport {
  const { transports, route, otherwise, ...given } = parseOptions('createRoutedTransport', schema(), options)
  const routeOfDomain = given.routeOfDomain ?? (otherwise === undefined ? undefined : () => otherwise)
  const choose = async (asked: RouteQuestion) => (await route(asked)) ?? otherwise
  const byName = new Map(Object.entries(transports))
  return {
    async deliver(delivery, signal) {
      const ways = new Map<Transport, EnvelopeRecipient[]>()
      const lost: RecipientOutcome[] = []
      for (const [recipient, way] of await findWays(byName, choose, delivery, signal)) {
        if ('problem' in way) lost.push(deferred(recipient, way.problem))
        else ways.set(way.transport, [...(ways.get(way.transport) ?? []), recipient])
      }
      const outcomes = await Promise.all(
        [...ways].map(([transport, recipients]) => deliverBy(transport, { ...delivery, recipients }, signal)),
      )
      return [...lost, ...outcomes.flat()]
    },
    ...(routeOfDomain && {
      site: async (destination: string, signal: AbortSignal) => {
        const name = await routeOfDomain(destination)
        const way = name === undefined ? undefined : byName.get(name)
        // Named by the way too: two of them to one server are two sites, each with a login of its own.
        return way && `${name}: ${(await way.site?.(destination, signal)) ?? destination}`
      },
    }),
    async close() {
      await Promise.all([...new Set(byName.values())].map(transport => transport.close()))
    },
  }
}

function question({ envelope, destination, traceId, attempt }: Delivery, { address }: EnvelopeRecipient) {
  const domain = tryParseAddress(address)?.domain ?? destination
  return { recipient: address, domain, sender: envelope.sender, traceId, attempt }
}

type Choose = (asked: RouteQuestion) => Promise<unknown>
type Way = { readonly transport: Transport } | { readonly problem: string }

/** The ways of all recipients, in their order; none once `signal` is aborted, as a function may never answer. */
async function findWays(
  byName: ReadonlyMap<string, Transport>,
  choose: Choose,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<(readonly [EnvelopeRecipient, Way])[]> {
  const { recipients } = delivery
  const find = async (recipient: EnvelopeRecipient) =>
    [recipient, await findWay(byName, choose, question(delivery, recipient))] as const
  try {
    return await unlessAborted(() => Promise.all(recipients.map(find)), signal)
  } catch (thrown) {
    return recipients.map(recipient => [recipient, { problem: describeError(thrown) }])
  }
}

async function findWay(
  byName: ReadonlyMap<string, Transport>,
  choose: Choose,
  asked: RouteQuestion,
): Promise<Way> {
  try {
    const name = await choose(asked)
    const transport = typeof name === 'string' ? byName.get(name) : undefined
    return transport ? { transport } : { problem: `the route function named no transport: ${String(name)}` }
  } catch (thrown) {
    return { problem: `the route function failed: ${describeError(thrown)}` }
  }
}

/** One way that breaks must not take the outcomes of the others with it. */
async function deliverBy(transport: Transport, delivery: Delivery, signal: AbortSignal) {
  try {
    return await transport.deliver(delivery, signal)
  } catch (thrown) {
    const problem = `the delivery failed here: ${describeError(thrown)}`
    return delivery.recipients.map(recipient => deferred(recipient, problem))
  }
}

function deferred({ address }: EnvelopeRecipient, reason: string): RecipientOutcome {
  return { recipient: address, ...localVerdict('deferred', 'local', '4.3.0', reason) }
}
