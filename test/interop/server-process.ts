import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, vi } from 'vitest'
import { nodeNetwork } from '../../src/core/network.js'
import { pathWithSbin, type Tool } from '../testing-tools/tools.js'

/** Servers that give up their rights must have some first. */
export const root: Tool = { name: 'root', probe: ['sh', '-c', 'test "$(id -u)" -eq 0'] }

/** A directory of a foreign server; its users may pass through it. */
export interface ServerDirectory extends AsyncDisposable {
  readonly path: string
  /** Writes a file, and the directories it is in; resolves to its path. */
  write(name: string, content: string): string
  /** Makes a directory that belongs to a user. */
  make(name: string, owner: string): string
  /** Makes a directory that everybody may write to. */
  open(name: string): string
  /** Starts a program in the foreground, which is ended with the directory. */
  run(command: string, args: readonly string[]): ChildProcess
}

/** Makes one. Default: where temporary files are; some servers want nobody else to write to what it is in. */
export function serverDirectory(parent = tmpdir()): ServerDirectory {
  const path = mkdtempSync(join(parent, 'posthorn-server-'))
  chmodSync(path, 0o755)
  const children: ChildProcess[] = []
  return {
    path,
    write(name, content) {
      const file = join(path, name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content)
      return file
    },
    make(name, owner) {
      const directory = join(path, name)
      mkdirSync(directory, { recursive: true })
      execFileSync('chown', [owner, directory])
      return directory
    },
    open(name) {
      const directory = join(path, name)
      mkdirSync(directory, { recursive: true })
      chmodSync(directory, 0o777)
      return directory
    },
    run(command, args) {
      const child = spawn(command, args, { env: pathWithSbin(), stdio: ['ignore', 'ignore', 'inherit'] })
      children.push(child)
      return child
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        child.kill()
        await once(child, 'exit')
      }
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** A port of this machine that nobody uses now. */
export async function freePort(): Promise<number> {
  const reserved = await nodeNetwork.listen({ host: '127.0.0.1', port: 0 }, socket => socket.destroy())
  await reserved.close()
  return reserved.port
}

/** Resolves once a server takes connections. */
export async function listening(place: { port: number; host: string } | { path: string }): Promise<void> {
  const connect = async () => {
    const socket = await nodeNetwork.connect(place)
    socket.destroy()
  }
  // Not by expect.poll, which hooks may not use.
  await vi.waitFor(connect, { timeout: 15_000, interval: 30 })
}

/** The messages in a Maildir, once there are so many. */
export async function maildir(path: string, count: number): Promise<string[]> {
  const read = () => {
    try {
      return readdirSync(join(path, 'new')).map(name => readFileSync(join(path, 'new', name), 'latin1'))
    } catch {
      return []
    }
  }
  await expect.poll(() => read().length, { timeout: 15_000, interval: 30 }).toBe(count)
  return read()
}
