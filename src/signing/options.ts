import { createPrivateKey, KeyObject } from 'node:crypto'
import { z } from 'zod'
import { tryNormalizeDomain } from '../core/domain.js'
import type { Duration } from '../core/duration.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { durationSchema, hostnameSchema, lazy, shapeSchema } from '../core/options.js'
import type { Resolver } from '../dns/resolver.js'

/** Options of `createDkimSigner`. */
export interface DkimSignerOptions {
  /** What is signed with. Several keys of one domain sign side by side: RSA for all, Ed25519 for those who know it. */
  keys: readonly DkimKey[]
  /** Fields that are signed where a message has them. Default: those that RFC 6376 §5.4.1 names, and what mail programs act on since. */
  signedFields?: readonly string[]
  /**
   * Fields of which one more is signed than there are, so that none can be added behind the signature (RFC 6376 §5.4,
   * §8.15). Default: `From`, `To`, `Cc`, `Subject`, `Reply-To`, `Date`, `Message-ID`, `In-Reply-To`, `References`,
   * `MIME-Version`, `Content-Type` and `Content-Transfer-Encoding`.
   */
  oversignedFields?: readonly string[]
  /** For how long a signature is good (`x=`). Default: no end. */
  expiresAfter?: Duration
}

/** A key whose public half stands in the DNS, at `<selector>._domainkey.<domain>`. */
export interface DkimKey {
  /** Signs for authors of this domain and, where they have no key of their own, of those below it. */
  domain: string
  selector: string
  /** RSA with 1,024 bits or more (use 2,048), or Ed25519 (RFC 8463): PEM, or a key of `node:crypto`. */
  privateKey: string | Uint8Array | KeyObject
}

/** Options of `createArcSealer`. */
export interface ArcSealerOptions {
  /** The domain that seals, one of ours. */
  domain: string
  selector: string
  /** RSA with 1,024 bits or more, which is all that ARC has (RFC 8617 §4.1.3): PEM, or a key of `node:crypto`. */
  privateKey: string | Uint8Array | KeyObject
  /** The name of this host, as `Authentication-Results:` has it. */
  hostname: string
  /** Looks up the keys of the signatures and seals that came with a message. */
  resolver: Resolver
  /** Hears of mail that could not be sealed, which is then sent without. Default: silent. */
  logger?: Logger
}

const fieldNames = lazy(() =>
  z.array(
    z.string().regex(/^[!-9;-~]+$/, { error: "expected the name of a header field, such as 'Subject'" }),
  ),
)

const privateKey = lazy(() =>
  z.unknown().transform((given, context) => {
    const key = readKey(given)
    if (key) return key
    context.addIssue({
      code: 'custom',
      message: 'expected a private key in PEM: RSA with 1,024 bits or more, or Ed25519',
    })
    return z.NEVER
  }),
)

function readKey(given: unknown): KeyObject | undefined {
  try {
    const key =
      given instanceof KeyObject
        ? given
        : createPrivateKey(given instanceof Uint8Array ? Buffer.from(given) : String(given))
    if (key.type !== 'private') return undefined
    if (key.asymmetricKeyType === 'ed25519') return key
    const bits = key.asymmetricKeyType === 'rsa' ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : 0
    return bits >= 1024 ? key : undefined
  } catch {
    return undefined
  }
}

const domain = lazy(() =>
  z
    .string()
    .refine(given => tryNormalizeDomain(given) !== undefined, {
      error: "expected a domain such as 'example.test'",
    })
    .transform(given => tryNormalizeDomain(given) ?? given),
)

const selector = lazy(() =>
  z.string().regex(/^[a-z0-9](?:[a-z0-9_.-]{0,61}[a-z0-9])?$/i, {
    error: "expected a selector such as 'mail2026'",
  }),
)

/** The schema of {@link DkimSignerOptions}. */
export const dkimSignerSchema = lazy(() =>
  z.strictObject({
    keys: z
      .array(z.strictObject({ domain: domain(), selector: selector(), privateKey: privateKey() }))
      .min(1, { error: 'expected at least one key' }),
    signedFields: fieldNames().optional(),
    oversignedFields: fieldNames().optional(),
    expiresAfter: durationSchema
      .refine(ms => ms >= 1_000, { error: 'expected at least a second' })
      .optional(),
  }),
)

/** The schema of {@link ArcSealerOptions}. */
export const arcSealerSchema = lazy(() =>
  z.strictObject({
    domain: domain(),
    selector: selector(),
    privateKey: privateKey().refine(key => key.asymmetricKeyType === 'rsa', { error: 'expected an RSA key' }),
    hostname: hostnameSchema(),
    resolver: shapeSchema<Resolver>('a resolver', ['txt']),
    logger: shapeSchema<Logger>('a logger', ['debug', 'info', 'warn', 'error']).default(silentLogger),
  }),
)
