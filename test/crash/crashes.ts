import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileMailProcess } from './compile-mail-process.js'
import { type Death, Life } from './life.js'
import { MailChild } from './mail-child.js'
import { createSink, type Sink } from './sink.js'
import { WritePoints } from './write-points.js'

/** Databases that live through crashes, one after another. */
export class Crashes {
  readonly points: WritePoints
  readonly totals = { crashes: 0, atPoints: 0, kept: 0, absent: 0, returned: 0, interrupted: 0, doubled: 0 }
  readonly #random: () => number
  readonly #sink: Sink
  readonly #folder = mkdtempSync(join(tmpdir(), 'posthorn-crash-'))
  readonly #program = compileMailProcess()
  #lives = 0
  /** Loads while the one before works. */
  #next = new MailChild(this.#program.file)

  private constructor(random: () => number, sink: Sink) {
    this.#random = random
    this.#sink = sink
    this.points = new WritePoints(random)
  }

  static async begin(random: () => number): Promise<Crashes> {
    return new Crashes(random, await createSink(random))
  }

  /** Takes a new database through so many crashes. */
  async live(crashes: number): Promise<void> {
    const life = new Life(join(this.#folder, `${++this.#lives}.db`), this.#sink, this.#random, this.points)
    for (let crash = 0; crash < crashes; crash++) {
      const death = this.#chooseDeath(crash)
      await naming(`life ${this.#lives}, crash ${crash}, ${JSON.stringify(death)}`, async () => {
        const died = await life.crash(this.#nextChild(), death)
        if (died && death.point) this.#diedAt(death.point)
        await life.examine()
      })
      this.totals.crashes++
    }
    await naming(`life ${this.#lives}, in the end`, async () => {
      await life.drain(this.#nextChild())
      await life.examine()
    })
    for (const name of ['kept', 'absent', 'returned', 'interrupted', 'doubled'] as const)
      this.totals[name] += life.counts[name]
  }

  async end(): Promise<void> {
    await this.#next.kill()
    await this.#sink.close()
    this.#program.remove()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #nextChild(): MailChild {
    const child = this.#next
    this.#next = new MailChild(this.#program.file)
    return child
  }

  #diedAt(point: NonNullable<Death['point']>): void {
    this.totals.atPoints++
    this.points.died(point)
  }

  /** A database that is new dies while it is opened, as long as nothing died at some point of that. */
  #chooseDeath(crash: number): Death {
    const random = this.#random
    const phase = crash < 6 && this.points.missing('opening').length > 0 ? 'opening' : 'running'
    const point = random() < 0.85 ? this.points.choose(phase) : undefined
    // Whoever listens has opened the database.
    if (point) return { point, thread: false, patience: phase === 'opening' ? 0 : 2_000, early: false }
    return { thread: crash > 0 && random() < 0.5, patience: 20 + random() * 400, early: random() < 0.2 }
  }
}

async function naming(where: string, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (thrown) {
    throw new Error(`${where}: ${thrown instanceof Error ? thrown.message : thrown}`, { cause: thrown })
  }
}
