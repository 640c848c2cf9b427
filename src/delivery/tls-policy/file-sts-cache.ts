import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { tryNormalizeDomain } from '../../core/domain.js'
import { lazy, parseOptions } from '../../core/options.js'
import type { StsCache } from './sts-cache.js'

/** Options of {@link fileStsCache}. */
export interface FileStsCacheOptions {
  /** A folder of its own; made when it is not there. */
  path: string
}

const optionsSchema = lazy(() => z.strictObject({ path: z.string().min(1) }))

const entrySchema = lazy(() =>
  z.object({
    policy: z.object({
      mode: z.enum(['enforce', 'testing', 'none']),
      mx: z.array(z.string()),
      maxAge: z.number().min(0),
    }),
    id: z.string(),
    fetchedAt: z.number(),
  }),
)

/**
 * Keeps MTA-STS policies in a folder, a file a domain, so that they outlive the process. Several processes may share it.
 * @throws MailError `OPTION_INVALID`.
 */
export function fileStsCache(options: FileStsCacheOptions): StsCache {
  const { path } = parseOptions('fileStsCache', optionsSchema(), options)
  return {
    async get(domain) {
      try {
        return entrySchema().parse(JSON.parse(await readFile(fileOf(path, domain), 'utf8')))
      } catch {
        // No such file, or one that was cut short: the policy is fetched again.
        return undefined
      }
    },
    async set(domain, entry) {
      await mkdir(path, { recursive: true })
      const written = join(path, `.${randomUUID()}`)
      await writeFile(written, JSON.stringify(entry))
      await rename(written, fileOf(path, domain))
    },
  }
}

/** A domain has neither slashes nor a dot at its beginning, so its file stays in the folder. */
function fileOf(path: string, domain: string): string {
  return join(path, `${tryNormalizeDomain(domain) ?? 'invalid'}.json`)
}
