import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate as a file, which is how Node.js takes one from the environment; written when it is first asked for. */
export class CertificateFile {
  readonly #certificate: string
  #directory: string | undefined

  constructor(certificate: string) {
    this.#certificate = certificate
  }

  get path(): string {
    if (this.#directory === undefined) {
      this.#directory = mkdtempSync(join(tmpdir(), 'posthorn-'))
      writeFileSync(join(this.#directory, 'ca.pem'), this.#certificate)
    }
    return join(this.#directory, 'ca.pem')
  }

  remove(): void {
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true })
  }
}
